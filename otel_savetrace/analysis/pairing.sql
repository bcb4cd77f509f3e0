-- Pairs each retry with the failed save before it. Reads `saves` (saves.sql) and the variable
-- `window_nanoseconds`; leaves the tables `pairs`, `siblings` and `tally`.
--
-- Each step sorts or joins by equality, so that it grows with the number of saves and not with its square.

-- Numbers in the order of time: what is told apart by nothing else goes by its ids, never by its place.
CREATE TABLE numbered AS
SELECT
    row_number() OVER (ORDER BY starts, trace_id, span_id) AS save,
    *,
    -- Where no user is known, the program tells two of them apart.
    CASE WHEN user_number IS NULL THEN agent END AS instead_of_user
FROM (
    -- Of a save that was read twice, the copies are alike; if they were not, no order among them would count.
    SELECT trace_id, span_id, min(COLUMNS(* EXCLUDE (trace_id, span_id)))
    FROM saves
    GROUP BY trace_id, span_id
);

-- One user and one thing on one route.
CREATE TABLE identities AS
SELECT row_number() OVER () AS identity, *
FROM (
    SELECT DISTINCT service, route, user_number, instead_of_user, thing
    FROM numbered
    WHERE user_number IS NOT NULL OR thing IS NOT NULL
);

CREATE TABLE identified AS
SELECT
    numbered.*,
    identities.identity,
    -- Two saves are never one after the other when they took no time and began at once.
    greatest(numbered.ends, numbered.starts + 1) AS over,
    outcome = 'failed' OR (outcome = 'unknown' AND answered <> 'yes') AS failing
FROM numbered
LEFT JOIN identities
    ON identities.service = numbered.service
    AND identities.route IS NOT DISTINCT FROM numbered.route
    AND identities.user_number IS NOT DISTINCT FROM numbered.user_number
    AND identities.instead_of_user IS NOT DISTINCT FROM numbered.instead_of_user
    AND identities.thing IS NOT DISTINCT FROM numbered.thing;

-- A save that died early may know less than the others of its route.
CREATE TABLE routes AS
SELECT service, route, max(named_by) AS named_by
FROM identified
WHERE route IS NOT NULL
GROUP BY service, route
HAVING max(named_by) > coalesce(min(named_by) FILTER (failing), max(named_by));

-- It is taken for the one save that agrees in all that it knows, in route, program and size of the request,
-- and comes within the window. Where two identities agree, it stays what it is.
CREATE TABLE adopted AS
SELECT save, least_identity AS identity
FROM (
    SELECT
        save,
        failing AND known < fullest AS partial,
        CASE WHEN thing IS NOT NULL THEN min(whole) OVER of_thing
             WHEN user_number IS NOT NULL THEN min(whole) OVER of_user
             ELSE min(whole) OVER of_route END AS least_identity,
        CASE WHEN thing IS NOT NULL THEN max(whole) OVER of_thing
             WHEN user_number IS NOT NULL THEN max(whole) OVER of_user
             ELSE max(whole) OVER of_route END AS greatest_identity
    FROM (
        SELECT
            save, starts, failing, service, route, agent, body_size, thing, user_number,
            identified.named_by AS known,
            routes.named_by AS fullest,
            CASE WHEN identified.named_by = routes.named_by THEN identity END AS whole
        FROM identified
        JOIN routes USING (service, route)
        WHERE body_size IS NOT NULL
    )
    WINDOW
        of_thing AS (
            PARTITION BY service, route, agent, body_size, thing ORDER BY starts
            RANGE BETWEEN CURRENT ROW AND getvariable('window_nanoseconds') FOLLOWING
        ),
        of_user AS (
            PARTITION BY service, route, agent, body_size, user_number ORDER BY starts
            RANGE BETWEEN CURRENT ROW AND getvariable('window_nanoseconds') FOLLOWING
        ),
        of_route AS (
            PARTITION BY service, route, agent, body_size ORDER BY starts
            RANGE BETWEEN CURRENT ROW AND getvariable('window_nanoseconds') FOLLOWING
        )
)
WHERE partial AND least_identity = greatest_identity;

-- A save whose own span never came knows no route: the one route on which the same content comes again.
INSERT INTO adopted
SELECT save, least_identity
FROM (
    SELECT
        save,
        route IS NULL AS partial,
        min(CASE WHEN route IS NOT NULL THEN identity END) OVER of_content AS least_identity,
        max(CASE WHEN route IS NOT NULL THEN identity END) OVER of_content AS greatest_identity
    FROM identified
    WHERE content IS NOT NULL AND thing IS NOT NULL
        AND EXISTS (FROM identified AS unseen WHERE unseen.answered = 'unseen')
    WINDOW of_content AS (
        PARTITION BY service, user_number, thing, content ORDER BY starts
        RANGE BETWEEN CURRENT ROW AND getvariable('window_nanoseconds') FOLLOWING
    )
)
WHERE partial AND least_identity = greatest_identity;

CREATE TABLE placed AS
SELECT
    save, starts, over, failing, outcome, answered, service, route, user_number, content, recorded_by,
    coalesce(adopted.identity, identified.identity) AS identity
FROM identified
LEFT JOIN adopted USING (save);

-- What ended last before a save began, of the same thing by the same user: what its user had seen of it.
CREATE TABLE seen_before AS
WITH troubled AS (
    FROM placed
    WHERE identity IN (SELECT identity FROM placed WHERE failing)
),
endings AS (
    SELECT identity, over, max(save) AS save
    FROM troubled
    WHERE failing OR outcome = 'succeeded'
    GROUP BY identity, over
)
SELECT troubled.save, endings.save AS seen
FROM troubled
ASOF JOIN endings ON endings.identity = troubled.identity AND endings.over <= troubled.starts;

-- A failed save, or one whose answer never came, that was seen last: what comes then is its retry.
CREATE TABLE inferred AS
SELECT retry.save AS retry, failed.save AS previous
FROM seen_before
JOIN placed AS retry ON retry.save = seen_before.save
JOIN placed AS failed ON failed.save = seen_before.seen
WHERE failed.failing
    AND retry.starts - failed.over <= getvariable('window_nanoseconds')
    -- Its span may only be lost: that the very same comes again is what says that it failed.
    AND (failed.answered <> 'unseen' OR failed.content = retry.content);

CREATE TABLE recorded AS
SELECT retry.save AS retry, failed.save AS previous, retry.recorded_by, failed.over AS previous_over
FROM numbered AS retry
JOIN identified AS failed
    ON failed.trace_id = retry.previous_trace_id AND failed.span_id = retry.previous_span_id
WHERE failed.outcome <> 'succeeded' AND failed.save <> retry.save;

-- A hint of a process's own memory does not know what another process did in between.
CREATE TABLE refuted AS
SELECT recorded.retry
FROM recorded
JOIN seen_before ON seen_before.save = recorded.retry
JOIN placed AS seen ON seen.save = seen_before.seen
WHERE recorded.recorded_by = 'memory' AND seen.over > recorded.previous_over;

CREATE TABLE pairs AS
SELECT retry, previous, recorded_by AS paired_by
FROM recorded
WHERE retry NOT IN (FROM refuted);

INSERT INTO pairs
SELECT inferred.retry, inferred.previous, 'inferred'
FROM inferred
JOIN placed ON placed.save = inferred.retry
WHERE coalesce(placed.recorded_by, '') <> 'cookie'
    AND NOT EXISTS (FROM pairs WHERE pairs.retry = inferred.retry)
    AND NOT EXISTS (FROM pairs WHERE pairs.previous = inferred.previous);

-- A failed create comes back under another name: the same content, and neither thing was there before.
INSERT INTO pairs
WITH things AS (
    SELECT identity, min(save) AS first_save, min(save) FILTER (outcome = 'succeeded') AS first_success
    FROM placed
    GROUP BY identity
),
contents AS (
    SELECT DISTINCT service, route, user_number, content
    FROM placed
    WHERE failing AND user_number IS NOT NULL AND content IS NOT NULL
        AND NOT EXISTS (FROM pairs WHERE pairs.previous = placed.save)
),
alike AS (
    SELECT placed.*
    FROM placed
    JOIN contents USING (service, route, user_number, content)
),
endings AS (
    SELECT service, route, user_number, content, over, max(save) AS save
    FROM alike
    WHERE failing OR outcome = 'succeeded'
    GROUP BY ALL
),
firsts AS (
    FROM alike
    WHERE coalesce(recorded_by, '') <> 'cookie'
        AND save IN (SELECT first_save FROM things)
        AND NOT EXISTS (FROM pairs WHERE pairs.retry = alike.save)
)
SELECT firsts.save, failed.save, 'inferred'
FROM firsts
ASOF JOIN endings
    ON endings.service = firsts.service AND endings.route = firsts.route
    AND endings.user_number = firsts.user_number AND endings.content = firsts.content
    AND endings.over <= firsts.starts
JOIN placed AS failed ON failed.save = endings.save
JOIN things ON things.identity = failed.identity
WHERE failed.failing
    AND coalesce(things.first_success > failed.save, true)
    AND firsts.starts - failed.over <= getvariable('window_nanoseconds')
    AND NOT EXISTS (FROM pairs WHERE pairs.previous = failed.save);

-- Failed saves of one thing that ran at once (a double click) are no retries of one another, and one episode.
CREATE TABLE siblings AS
SELECT save, earlier
FROM (
    SELECT
        save, starts,
        arg_max(save, over) OVER before AS earlier,
        max(over) OVER before AS earlier_over
    FROM placed
    WHERE failing AND identity IS NOT NULL
    WINDOW before AS (
        PARTITION BY identity ORDER BY save ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
)
WHERE earlier_over > starts;

CREATE TABLE tally AS
SELECT
    (SELECT count(*) FROM refuted) AS refuted,
    (
        SELECT count(*)
        FROM recorded
        JOIN inferred USING (retry)
        WHERE recorded.recorded_by = 'cookie' AND recorded.previous <> inferred.previous
    ) AS disagreeing;
