-- Which saves are read in full. Reads the table `light` (light.py) and the variables `window_nanoseconds`,
-- `most_failed`, `most_held_against`, `each_side`, `most_overall` and `succeeded`; leaves the table `chosen` of
-- trace numbers.
--
-- Nothing is drawn by chance: what is left out is left out by a hash of its trace, so that the same rows give
-- the same answer in any order.

-- What is asked about: every failure, and where there are too many, some of each kind of them.
CREATE OR REPLACE TABLE failures AS
SELECT *, row_number() OVER (ORDER BY fits DESC, place, hash(trace), span) AS turn
FROM (
    SELECT *, row_number() OVER (PARTITION BY fits, kind ORDER BY hash(trace), span) AS place
    FROM light
    WHERE failing
)
ORDER BY turn
LIMIT getvariable('most_failed');

-- Its retries, and what it retries, as recorded.
CREATE OR REPLACE TABLE chosen AS
SELECT trace FROM failures
UNION SELECT previous FROM failures WHERE previous IS NOT NULL
UNION SELECT light.trace FROM light JOIN failures ON light.previous = failures.trace;

-- Where no cookie tells its retry, what may be it, or say that another is: its user's next saves of the same
-- thing, everybody's where the user is not known; and what may still have run when it failed.
CREATE OR REPLACE TEMP TABLE unpaired AS
FROM failures
WHERE trace NOT IN (SELECT previous FROM light WHERE cookie AND previous IS NOT NULL);

INSERT INTO chosen
SELECT DISTINCT light.trace
FROM unpaired
JOIN light ON light.what = unpaired.what
    AND light.starts BETWEEN unpaired.starts - getvariable('window_nanoseconds')
        AND unpaired.ends + getvariable('window_nanoseconds')
WHERE unpaired.who IS NULL OR light.who = unpaired.who
QUALIFY rank() OVER (
    PARTITION BY unpaired.trace, unpaired.span, light.starts > unpaired.starts
    ORDER BY abs(light.starts - unpaired.starts)
) <= CASE WHEN light.starts > unpaired.starts THEN 6 ELSE 2 END;

INSERT INTO chosen
SELECT DISTINCT light.trace
FROM unpaired
JOIN light ON light.who = unpaired.who AND light.route = unpaired.route
    AND light.starts BETWEEN unpaired.starts - getvariable('window_nanoseconds')
        AND unpaired.ends + getvariable('window_nanoseconds')
QUALIFY rank() OVER (
    PARTITION BY unpaired.trace, unpaired.span, light.starts > unpaired.starts
    ORDER BY abs(light.starts - unpaired.starts)
) <= CASE WHEN light.starts > unpaired.starts THEN 4 ELSE 1 END;

-- A save that died early may know neither: what came from the same program and was as long.
INSERT INTO chosen
SELECT DISTINCT light.trace
FROM unpaired
JOIN light ON light.route = unpaired.route AND light.alike = unpaired.alike
    AND light.body_size IS NOT NULL
    AND light.starts BETWEEN unpaired.starts AND unpaired.ends + getvariable('window_nanoseconds')
WHERE unpaired.what IS NULL OR unpaired.who IS NULL
QUALIFY rank() OVER (PARTITION BY unpaired.trace, unpaired.span ORDER BY light.starts) <= 4;

-- Whether a thing was there before says whether a failed create came back under another name.
INSERT INTO chosen
SELECT unnest([
    arg_min(light.trace, row(light.starts, light.trace)),
    arg_min(light.trace, row(light.starts, light.trace)) FILTER (outcome = getvariable('succeeded'))
])
FROM light
JOIN (SELECT DISTINCT what, who FROM failures) AS troubled
    ON troubled.what = light.what AND troubled.who IS NOT DISTINCT FROM light.who
GROUP BY light.what, light.who;

-- What it is held against: saves that worked at their first try, near it in time and on its route.
CREATE OR REPLACE TEMP TABLE controls AS
SELECT trace, route, starts, row_number() OVER (PARTITION BY route ORDER BY starts, trace) AS place
FROM light
WHERE NOT failing AND NOT retry;

INSERT INTO chosen
SELECT DISTINCT controls.trace
FROM (
    SELECT failures.route, coalesce(controls.place, 0) AS place
    FROM (FROM failures WHERE turn <= getvariable('most_held_against')) AS failures
    ASOF LEFT JOIN controls ON controls.route = failures.route AND controls.starts <= failures.starts
) AS beside
JOIN controls ON controls.route = beside.route
    AND controls.place > beside.place - getvariable('each_side')
    AND controls.place <= beside.place + getvariable('each_side');

-- What stands for the whole time.
INSERT INTO chosen
SELECT trace
FROM (SELECT trace, row_number() OVER (ORDER BY starts, trace) AS place, count(*) OVER () AS held FROM controls)
WHERE place % greatest(held // getvariable('most_overall'), 1) = 0;

-- What comes nearest to a limit, each thing once; what takes longest; the first of a version, the last of a
-- worker; where the data begin and end.
INSERT INTO chosen
SELECT trace
FROM (
    SELECT arg_max(trace, row(key_len, trace)) AS trace, max(key_len) AS most
    FROM light
    WHERE key_len IS NOT NULL
    GROUP BY what
)
ORDER BY most DESC, trace
LIMIT 20;

INSERT INTO chosen
SELECT trace
FROM (
    SELECT arg_max(trace, row(header_bytes, trace)) AS trace, max(header_bytes) AS most
    FROM light
    WHERE header_bytes IS NOT NULL
    GROUP BY what
)
ORDER BY most DESC, trace
LIMIT 20;

INSERT INTO chosen
(SELECT trace FROM light WHERE body_size IS NOT NULL ORDER BY body_size DESC, trace LIMIT 20)
UNION (SELECT trace FROM light ORDER BY ends - starts DESC, trace LIMIT 20)
UNION (SELECT trace FROM light ORDER BY ends DESC, trace LIMIT 1)
UNION (SELECT trace FROM light ORDER BY starts, trace LIMIT 1)
UNION SELECT arg_min(trace, row(starts, trace)) FROM light GROUP BY version
UNION SELECT arg_max(trace, row(starts, trace)) FROM light WHERE instance IS NOT NULL GROUP BY instance;
