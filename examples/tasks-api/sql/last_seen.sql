CREATE TABLE last_seen (
    owner BIGINT NOT NULL PRIMARY KEY REFERENCES users (id),
    seen_at BIGINT NOT NULL,
    number BIGINT NOT NULL
);
