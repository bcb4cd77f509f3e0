-- The saves whose failures and retries are to be paired; one row a save. Rows may come in any order and twice.
--
-- What is only compared stands here as a number: equal numbers, equal things; NULL where it is not known.
-- The table then holds nothing of what it is about, and a row takes the same room whatever its key was.
CREATE TABLE saves (
    trace_id           VARCHAR NOT NULL,
    span_id            VARCHAR NOT NULL,
    starts             BIGINT  NOT NULL,  -- nanoseconds since 1970, UTC
    ends               BIGINT  NOT NULL,  -- its answer; of one without, the last that was seen of it
    outcome            VARCHAR NOT NULL,  -- what the user got: succeeded, failed, unknown
    answered           VARCHAR NOT NULL,  -- yes; no: its span ended without; unseen: its span is not there
    service            BIGINT  NOT NULL,
    route              BIGINT,
    user_number        BIGINT,            -- who saved
    agent              BIGINT,            -- with what program: tells users apart where nothing else does
    thing              BIGINT,            -- what was saved, whoever did
    named_by           BIGINT  NOT NULL,  -- how many attributes name user and thing
    content            BIGINT,            -- hash and size of the first object that it wrote
    body_size          BIGINT,            -- bytes of the request's body
    previous_trace_id  VARCHAR,           -- the failed save that it is recorded to be the retry of
    previous_span_id   VARCHAR,
    recorded_by        VARCHAR            -- how that is known: cookie, memory
);
