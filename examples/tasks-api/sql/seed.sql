-- The same rows on every start of an empty database: 500 users, 20 000 tasks and what hangs on them.
-- The database counts for itself, so a table costs one statement instead of thousands of bound rows.
INSERT INTO users (name)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
SELECT 'User ' || i FROM n ORDER BY i;

INSERT INTO tasks (owner, title, status, priority, created_at, updated_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT (i - 1) % 500 + 1,
       CASE i % 5 WHEN 0 THEN 'Cut the trailer' WHEN 1 THEN 'Draw the storyboard' WHEN 2 THEN 'Write the script'
                  WHEN 3 THEN 'Render the first frames' ELSE 'Record the voice' END
           || ' of episode ' || ((i - 1) / 500 + 1),
       CASE (i / 500) % 5 WHEN 2 THEN 'in_progress' WHEN 3 THEN 'done' WHEN 4 THEN 'cancelled' ELSE 'open' END,
       CASE i % 7 WHEN 0 THEN 'high' WHEN 1 THEN 'low' WHEN 2 THEN 'low' ELSE 'normal' END,
       1700000000000 + CAST(i AS BIGINT) * 60000,
       1700000000000 + CAST(i AS BIGINT) * 60000
FROM n ORDER BY i;

INSERT INTO conversations (owner, title, active, updated_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
SELECT (i - 1) % 500 + 1, 'Notes on draft ' || ((i - 1) / 500 + 1),
       CASE (i - 1) / 500 WHEN 3 THEN 0 ELSE 1 END, 1700000000000 + CAST(i AS BIGINT) * 60000
FROM n ORDER BY i;

INSERT INTO messages (conversation, author, body, created_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT (i - 1) % 2000 + 1, CASE (i - 1) / 2000 % 2 WHEN 0 THEN 'user' ELSE 'agent' END,
       'Message ' || ((i - 1) / 2000 + 1), 1700000000000 + CAST(i AS BIGINT) * 1000
FROM n ORDER BY i;

INSERT INTO sessions (owner, id, client, seen_at)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
SELECT (i - 1) % 500 + 1, 's' || ((i - 1) / 500 + 1), CASE (i - 1) / 500 WHEN 0 THEN 'web' ELSE 'desktop' END,
       1700000000000 + CAST(i AS BIGINT) * 1000
FROM n ORDER BY i;

INSERT INTO scripts (task, title, status, body, updated_at)
SELECT t.id, 'Script of task ' || t.id, CASE t.id % 3 WHEN 0 THEN 'approved' WHEN 1 THEN 'draft' ELSE 'in_review' END,
       'INT. STUDIO - DAY. Scene ' || t.id || ' opens on an empty stage.', t.created_at
FROM tasks t ORDER BY t.id;

INSERT INTO storyboards (task, title, panels, updated_at)
SELECT t.id, 'Storyboard of task ' || t.id, 6 + t.id % 18, t.created_at
FROM tasks t WHERE t.id % 2 = 1 ORDER BY t.id;

INSERT INTO resources (task, kind, url, bytes, updated_at)
SELECT t.id, k.kind, 'https://media.example/' || t.id || '/' || k.kind, 100000 + t.id * 37 % 900000, t.created_at
FROM tasks t CROSS JOIN (SELECT 'first_frame' AS kind UNION ALL SELECT 'video' UNION ALL SELECT 'audio') k
ORDER BY t.id, k.kind;

INSERT INTO user_data (owner, kind, body, updated_at)
SELECT u.id, k.kind, '{"kind":"' || k.kind || '","user":' || u.id || '}', 1700000000000 + u.id * 1000
FROM users u CROSS JOIN (SELECT 'profile' AS kind UNION ALL SELECT 'preferences' UNION ALL SELECT 'quota') k
ORDER BY u.id, k.kind;

INSERT INTO agent_states (agent, task, step, state, updated_at)
SELECT CASE t.id % 2 WHEN 1 THEN 'writer' ELSE 'director' END, t.id, t.id % 9, 'waiting for review', t.created_at
FROM tasks t WHERE t.id % 4 < 2 ORDER BY t.id;

INSERT INTO prompt_templates (name, body, revision, updated_at) VALUES
    ('summarise', 'Summarise the scene in two sentences: {scene}', 1, 1700000000000),
    ('first-frame', 'A single still, {style}, of: {scene}', 1, 1700000000000),
    ('dialogue', 'Write the dialogue of {characters} in: {scene}', 1, 1700000000000),
    ('title', 'Ten titles for a film about: {scene}', 1, 1700000000000);

INSERT INTO visual_settings (style, palette, aspect_ratio, frame_rate, updated_at) VALUES
    ('cinematic', 'teal and orange', '21:9', 24, 1700000000000),
    ('documentary', 'natural', '16:9', 30, 1700000000000),
    ('noir', 'black and white', '4:3', 24, 1700000000000),
    ('social', 'vivid', '9:16', 60, 1700000000000);
