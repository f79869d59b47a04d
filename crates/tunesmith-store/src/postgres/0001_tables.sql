CREATE TABLE tunesmith.studies (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    created_at_ms BIGINT NOT NULL,
    revision      BIGINT NOT NULL
);
CREATE TABLE tunesmith.events (
    study    BIGINT NOT NULL REFERENCES tunesmith.studies (id) ON DELETE CASCADE,
    revision BIGINT NOT NULL,
    stream   BIGINT NOT NULL,
    seq      BIGINT NOT NULL,
    event    TEXT NOT NULL,
    PRIMARY KEY (study, revision),
    UNIQUE (study, stream, seq)
);
