CREATE TABLE tunesmith.studies (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    created_at_ms BIGINT NOT NULL
);
-- Without a reference to its study: the functions below keep the two in step under the study's lock, and the check of
-- a reference costs as much as the insertion.
CREATE TABLE tunesmith.events (
    study    BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    stream   BIGINT NOT NULL,
    seq      BIGINT NOT NULL,
    event    TEXT NOT NULL,
    PRIMARY KEY (study, revision),
    UNIQUE (study, stream, seq)
);

-- Appends events to a study, all or none, in one call. No row: there is no such study. `lost` > 0: that event of the
-- call, from 1, is not the next of its stream. Otherwise `head` is the revision of the last of them, now or, where
-- the same call was made before, then. Calls for one study are one after another. Every statement is of one row by a
-- key: it is planned once, and never scans.
CREATE FUNCTION tunesmith.append(of_study BIGINT, streams BIGINT[], seqs BIGINT[], lines TEXT[])
    RETURNS TABLE (head BIGINT, lost BIGINT)
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1953852005, hashint8(of_study));
    SELECT events.revision INTO head FROM tunesmith.events
        WHERE events.study = of_study ORDER BY events.revision DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    lost := 0;
    FOR i IN 1 .. cardinality(streams) LOOP
        INSERT INTO tunesmith.events (study, revision, stream, seq, event)
            SELECT of_study, head + i, streams[i], seqs[i], lines[i]
            WHERE seqs[i] = COALESCE((
                SELECT events.seq + 1 FROM tunesmith.events
                WHERE events.study = of_study AND events.stream = streams[i]
                ORDER BY events.seq DESC LIMIT 1
            ), 0);
        IF NOT FOUND THEN
            lost := i;
            EXIT;
        END IF;
    END LOOP;
    IF lost = 0 THEN
        head := head + cardinality(streams);
    ELSE
        -- Nothing of this call may stay.
        DELETE FROM tunesmith.events WHERE events.study = of_study AND events.revision > head;
        head := tunesmith.appended(of_study, streams, seqs, lines);
        IF head IS NOT NULL THEN
            lost := 0;
        END IF;
    END IF;
    RETURN NEXT;
END
$$;

-- The revision of the last of these events where all of them are there, word for word; otherwise nothing.
CREATE FUNCTION tunesmith.appended(of_study BIGINT, streams BIGINT[], seqs BIGINT[], lines TEXT[])
    RETURNS BIGINT
    LANGUAGE plpgsql
AS $$
DECLARE
    found_at BIGINT;
    last BIGINT;
BEGIN
    FOR i IN 1 .. cardinality(streams) LOOP
        SELECT events.revision INTO found_at FROM tunesmith.events
            WHERE events.study = of_study AND events.stream = streams[i] AND events.seq = seqs[i]
                AND events.event = lines[i];
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        last := GREATEST(last, found_at);
    END LOOP;
    RETURN last;
END
$$;

-- Deletes a study with its events; whether there was one.
CREATE FUNCTION tunesmith.delete_study(of_study BIGINT) RETURNS BOOLEAN
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1953852005, hashint8(of_study));
    DELETE FROM tunesmith.events WHERE events.study = of_study;
    DELETE FROM tunesmith.studies WHERE studies.id = of_study;
    RETURN FOUND;
END
$$;
