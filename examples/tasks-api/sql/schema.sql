-- One schema for SQLite and PostgreSQL; `{identity}` is the only word that differs between them.
CREATE TABLE users (
    id {identity},
    name TEXT NOT NULL
);

CREATE TABLE tasks (
    id {identity},
    owner BIGINT NOT NULL REFERENCES users (id),
    title TEXT NOT NULL,
    status TEXT NOT NULL,
    priority TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX tasks_of_owner ON tasks (owner, id);
CREATE INDEX tasks_by_status ON tasks (status, created_at, id);
CREATE INDEX tasks_by_priority ON tasks (status, priority, created_at, id);

CREATE TABLE conversations (
    id {identity},
    owner BIGINT NOT NULL REFERENCES users (id),
    title TEXT NOT NULL,
    active BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX conversations_of_owner ON conversations (owner, updated_at, id);

CREATE TABLE messages (
    id {identity},
    conversation BIGINT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    author TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX messages_of_conversation ON messages (conversation, id);

CREATE TABLE sessions (
    owner BIGINT NOT NULL REFERENCES users (id),
    id TEXT NOT NULL,
    client TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);

CREATE TABLE scripts (
    id {identity},
    task BIGINT NOT NULL REFERENCES tasks (id),
    title TEXT NOT NULL,
    status TEXT NOT NULL,
    body TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX scripts_of_task ON scripts (task, id);

CREATE TABLE storyboards (
    id {identity},
    task BIGINT NOT NULL REFERENCES tasks (id),
    title TEXT NOT NULL,
    panels BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX storyboards_of_task ON storyboards (task, id);

CREATE TABLE resources (
    id {identity},
    task BIGINT NOT NULL REFERENCES tasks (id),
    kind TEXT NOT NULL,
    url TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX resources_of_task ON resources (task, kind, id);

CREATE TABLE user_data (
    owner BIGINT NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (owner, kind)
);

CREATE TABLE agent_states (
    agent TEXT NOT NULL,
    task BIGINT NOT NULL REFERENCES tasks (id),
    step BIGINT NOT NULL,
    state TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (agent, task)
);
CREATE INDEX agent_states_of_task ON agent_states (task);

CREATE TABLE prompt_templates (
    name TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL,
    revision BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE visual_settings (
    style TEXT NOT NULL PRIMARY KEY,
    palette TEXT NOT NULL,
    aspect_ratio TEXT NOT NULL,
    frame_rate BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
