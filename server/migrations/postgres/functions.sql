-- What the one SQL text calls and PostgreSQL lacks, or has under another name.

-- A JSON text as what PostgreSQL reads: a NUL in a string, which it refuses, is left out.
CREATE FUNCTION json_read(doc TEXT) RETURNS JSON
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN position('\u0000' IN doc) = 0 THEN doc::json
        ELSE regexp_replace(doc, '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g')::json END
$$;

-- It stands in indexes, whose upkeep knows no schema of ours: it calls nothing else of these.
-- A value of a JSON text: a text, a number as its text, true and false as 1 and 0.
CREATE FUNCTION json_extract(doc TEXT, path TEXT) RETURNS TEXT
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE json_typeof(found.v)
        WHEN 'boolean' THEN CASE found.v #>> '{}' WHEN 'true' THEN '1' ELSE '0' END
        ELSE found.v #>> '{}' END
    FROM (SELECT CASE WHEN doc = '' THEN NULL
        ELSE (CASE WHEN position('\u0000' IN doc) = 0 THEN doc
            ELSE regexp_replace(doc, '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g') END)::json
            #> string_to_array(substr(path, 3), '.') END AS v) found
$$;

-- The elements of a JSON list.
CREATE FUNCTION json_each(doc TEXT, path TEXT DEFAULT '$')
    RETURNS TABLE (key BIGINT, value TEXT)
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 10 AS $$
    DECLARE list json := json_read(doc) #> string_to_array(substr(path, 3), '.');
    BEGIN
        IF json_typeof(list) = 'array' THEN
            RETURN QUERY SELECT e.n - 1, e.v #>> '{}'
                FROM json_array_elements(list) WITH ORDINALITY AS e(v, n);
        END IF;
    END
$$;

CREATE FUNCTION instr(whole TEXT, part TEXT) RETURNS BIGINT
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT position(part IN whole)::bigint';

-- The greater, the smaller of two; nothing where one is nothing.
CREATE FUNCTION max(a BIGINT, b BIGINT) RETURNS BIGINT
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT greatest(a, b)';
CREATE FUNCTION min(a BIGINT, b BIGINT) RETURNS BIGINT
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT least(a, b)';
CREATE FUNCTION max(a TEXT, b TEXT) RETURNS TEXT
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT greatest(a, b)';
CREATE FUNCTION min(a TEXT, b TEXT) RETURNS TEXT
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT least(a, b)';

CREATE FUNCTION json_array_length(doc TEXT, path TEXT) RETURNS BIGINT
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT json_array_length(json_read(doc) #> string_to_array(substr(path, 3), '.'))
$$;

CREATE FUNCTION json_of(list TEXT[]) RETURNS TEXT
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT to_json(list)::text';
CREATE FUNCTION json_of(list BIGINT[]) RETURNS TEXT
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT to_json(list)::text';
CREATE AGGREGATE json_group_array(TEXT)
    (SFUNC = array_append, STYPE = TEXT[], INITCOND = '{}', FINALFUNC = json_of);
CREATE AGGREGATE json_group_array(BIGINT)
    (SFUNC = array_append, STYPE = BIGINT[], INITCOND = '{}', FINALFUNC = json_of);

-- The day of an instant, shifted, such as by '+28800 seconds'.
CREATE FUNCTION date(at TEXT, shift TEXT) RETURNS TEXT
    LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
    SELECT to_char((at::timestamptz AT TIME ZONE 'UTC') + shift::interval, 'YYYY-MM-DD')
$$;

-- So many random bytes, at most 32, in hex.
CREATE FUNCTION random_hex(bytes INTEGER) RETURNS TEXT LANGUAGE sql VOLATILE AS $$
    SELECT substr(encode(sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text,
        'UTF8')), 'hex'), 1, bytes * 2)
$$;

-- What texts are compared and searched by: the program's `text::folded`, which a test compares it with.
CREATE FUNCTION folded_once(t TEXT) RETURNS TEXT
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT btrim(regexp_replace(translate(lower(normalize(regexp_replace(t,
        '[\u00AD\u034F\u0600-\u0605\u061C\u06DD\u070F\u0890\u0891\u08E2\u115F\u1160\u17B4\u17B5'
        '\u180B-\u180F\u200B-\u200F\u2028-\u202E\u2060-\u206F\u2800\u3164\uFE00-\uFE0F\uFEFF'
        '\uFFA0\uFFF0-\uFFFB\U000110BD\U000110CD\U00013430-\U0001343F\U0001BCA0-\U0001BCA3'
        '\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]', '', 'g'), NFKC) COLLATE "und-x-icu"),
        '•・‧∙⋅･᛫⸱', '········'), '[\t\n\v\f\r \u0085\u1680]+', ' ', 'g'), ' ')
$$;

CREATE FUNCTION folded(t TEXT) RETURNS TEXT
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN octet_length(t) = length(t)
        THEN btrim(regexp_replace(lower(t), '[\t\n\v\f\r ]+', ' ', 'g'), ' ')
        ELSE folded_once(folded_once(t)) END
$$;

-- Whether a text holds what is sought, which is folded already.
CREATE FUNCTION found(t TEXT, sought TEXT) RETURNS BOOLEAN
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT position(sought IN folded(coalesce(t, ''))) > 0
$$;

-- What is left of an identifier without leading zeros, case and kind of mark: `text::loose`.
CREATE FUNCTION loose(id TEXT) RETURNS TEXT
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT regexp_replace(translate(folded(id), '._', '--'), '(^|[^0-9])0+(?=[0-9])', '\1', 'g')
$$;

-- Of a bench's rows: one number after a word, padded with zeros; the time of so many seconds.
CREATE FUNCTION printf(form TEXT, n BIGINT) RETURNS TEXT
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT split_part(form, '%', 1) || lpad(x.digits, greatest(length(x.digits),
        coalesce(substring(form FROM '%0?(\d+)')::int, 0)), '0')
    FROM (SELECT CASE right(form, 1) WHEN 'x' THEN to_hex(n) ELSE n::text END AS digits) x
$$;
CREATE FUNCTION strftime(form TEXT, seconds NUMERIC, since TEXT) RETURNS TEXT
    LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
    SELECT to_char(to_timestamp(seconds) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;
