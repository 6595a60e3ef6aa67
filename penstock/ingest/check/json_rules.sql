-- Rules about JSON text, as macros. They fill the gaps between what DuckDB's JSON reader (yyjson) lets pass
-- and what RFC 8259 and lossless typing ask for. They cost little: each is called only where a cheap test
-- says that it may matter.
--
-- chr(1), chr(2) and chr(3) serve as marks: JSON text never holds them raw.

-- The text with every string emptied, so that what is left is structure, numbers and literals.
CREATE OR REPLACE TEMP MACRO without_strings(json_text) AS
    regexp_replace(json_text, '(?s)"(?:[^"\\]|\\.)*"', '""', 'g');

-- What yyjson takes and RFC 8259 does not: a comma behind the last item, NaN and Infinity in any letters. True
-- also where a string holds such text. The first is about an object without arrays and objects in it.
CREATE OR REPLACE TEMP MACRO ends_with_comma(json_text) AS
    regexp_matches(json_text, ',\s*[}]\s*$');
CREATE OR REPLACE TEMP MACRO may_hold_comma(json_text) AS
    regexp_matches(json_text, ',\s*[\]}]');
CREATE OR REPLACE TEMP MACRO may_hold_nan(json_text) AS
    CASE
        WHEN NOT contains(lower(json_text), 'nan') AND NOT contains(lower(json_text), 'inf') THEN false
        ELSE regexp_matches(json_text, '(?:^|[:,\[\s])-?(?:[nN][aA]|[iI])')
    END;

-- Is text that yyjson takes valid by RFC 8259, too?
CREATE OR REPLACE TEMP MACRO is_json(json_text) AS
    CASE
        WHEN NOT may_hold_comma(json_text) AND NOT may_hold_nan(json_text) THEN true
        ELSE NOT may_hold_comma(without_strings(json_text)) AND NOT may_hold_nan(without_strings(json_text))
    END;

-- Arrays and objects within one another, deeper than DuckDB's JSON functions go (128).
-- Each step takes away the innermost pairs, whatever their kind; what is left after 128 steps was deeper.
CREATE OR REPLACE TEMP MACRO brackets(json_text) AS
    2 * strlen(json_text) - strlen(replace(json_text, '[', '')) - strlen(replace(json_text, '{', ''));
CREATE OR REPLACE TEMP MACRO is_too_deep(json_text) AS
    CASE
        WHEN strlen(json_text) <= 256 THEN false
        WHEN brackets(json_text) <= 128 THEN false
        ELSE list_reduce(
            [translate(regexp_replace(without_strings(json_text), '[^\[\]{}]', '', 'g'), '{}', '[]')]
            || list_transform(range(128), lambda i: ''),
            lambda brackets, nothing: replace(brackets, '[]', '')
        ) <> ''
    END;

-- The keys of an object and of every value in it: one list for each, empty for what is no object. The
-- object's own come first.
CREATE OR REPLACE TEMP MACRO all_keys(json_text) AS
    json_keys('[' || json_text || ']', '$..*');
-- Is a key twice in one of these lists? Of few keys, to compare each with each is faster.
CREATE OR REPLACE TEMP MACRO repeat_one(all_keys) AS
    len(
        list_filter(
            all_keys,
            lambda keys: CASE
                WHEN len(keys) < 64 THEN len(list_filter(keys, lambda key, n: list_position(keys, key) < n)) > 0
                ELSE list_unique(keys) <> len(keys)
            END
        )
    ) > 0;

-- The first key of a list that comes again in it: sorted, equal keys are neighbours. (An event of 8 MB may have a
-- million.) A lambda names what would be computed, and planned, again at each place where it is used.
CREATE OR REPLACE TEMP MACRO first_repeated(keys) AS
    list_transform(
        [list_sort(list_transform(keys, lambda key, n: {'key': key, 'n': n}))],
        lambda found: keys[
            list_min(
                list_transform(
                    list_filter(found, lambda one, n: one.key = found[n + 1].key), lambda one: one.n
                )
            )
        ]
    )[1];

-- May a number in the text say more than the double that yyjson makes of it? (16 digits or more, with a
-- point or an exponent, have 8 of them on one side.) Other texts that match only cost time.
CREATE OR REPLACE TEMP MACRO may_hold_long_number(json_text) AS
    regexp_matches(json_text, '[0-9]{8,}[.eE]|\.[0-9]{8,}');

-- A number that was sent may be printed otherwise: yyjson prints one with a point or an exponent as the shortest
-- text that gives the same double, and -0 as 0. `may_differ` and `may_be_rounded` look at what it has printed (also
-- for NaN), the others at what was sent. Each is true also where a string holds such text.
CREATE OR REPLACE TEMP MACRO may_differ(printed) AS
    regexp_matches(printed, '[:,\[]-?(?:[0-9]+[.eE]|[nN][aA]|[iI])');
CREATE OR REPLACE TEMP MACRO may_be_rounded(printed) AS
    regexp_matches(printed, '[0-9]{9}\.|[0-9]e');
CREATE OR REPLACE TEMP MACRO may_hold_long_fraction(json_text) AS
    regexp_matches(json_text, '\.(?:[0-9]{7}|[0-9]+0[,}\]\s])');
CREATE OR REPLACE TEMP MACRO may_hold_exponent(json_text) AS
    regexp_matches(json_text, '[:,\[\s]-?[0-9]+(?:\.[0-9]+)?[eE]');
CREATE OR REPLACE TEMP MACRO may_hold_minus_zero(json_text) AS
    regexp_matches(json_text, '-0[,}\]\s]');

-- The same JSON with each number as a string of its very text: {"price": 1.10} → {"price": "1.10"}.
CREATE OR REPLACE TEMP MACRO numbers_as_strings(json_text) AS
    translate(
        replace(
            regexp_replace(
                json_text, '(?s)("(?:[^"\\]|\\.)*")|(-?[0-9][0-9.eE+-]*)', '\1' || chr(1) || '\2' || chr(2), 'g'
            ),
            chr(1) || chr(2), ''
        ),
        chr(1) || chr(2), '""'
    );

-- A JSON number's text without exponent and needless zeros in front, exactly: '1.5E+1' → '15'. In two steps,
-- so that the statement that uses them names the parts once. An exponent that moves the point more than 400
-- places beyond the digits stands for that: no column holds either.
CREATE OR REPLACE TEMP MACRO number_parts(number) AS
    regexp_extract(
        number, '^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$', ['sign', 'whole', 'fraction', 'exponent']
    );
CREATE OR REPLACE TEMP MACRO bounded_exponent(exponent, bound) AS
    CASE
        WHEN exponent = '' THEN 0
        WHEN starts_with(exponent, '-') THEN -coalesce(least(try_cast(exponent[2:] AS BIGINT), bound), bound)
        ELSE coalesce(least(try_cast(ltrim(exponent, '+') AS BIGINT), bound), bound)
    END;
CREATE OR REPLACE TEMP MACRO with_point_at(digits, place) AS
    CASE
        WHEN place <= 0 THEN '0.' || repeat('0', -place) || digits
        WHEN place >= length(digits) THEN digits || repeat('0', place - length(digits))
        ELSE left(digits, place) || '.' || substr(digits, place + 1)
    END;
CREATE OR REPLACE TEMP MACRO number_place(parts) AS
    length(parts.whole) + bounded_exponent(parts.exponent, 400 + length(parts.whole) + length(parts.fraction));
CREATE OR REPLACE TEMP MACRO plain_number(parts) AS
    parts.sign || regexp_replace(
        list_transform(
            [{'digits': parts.whole || parts.fraction, 'place': number_place(parts)}],
            lambda number: with_point_at(number.digits, number.place)
        )[1],
        '^0+([0-9])', '\1'
    );

-- An object's text with each string marked '$' and each number a string marked '#', so that DuckDB can move
-- its parts about without touching a number; and the way back.
CREATE OR REPLACE TEMP MACRO marked(json_text) AS
    replace(
        replace(
            replace(
                replace(
                    regexp_replace(
                        json_text, '(?s)"((?:[^"\\]|\\.)*)"|(-?[0-9][0-9.eE+-]*)',
                        chr(1) || '\1' || chr(2) || '\2' || chr(3), 'g'
                    ),
                    chr(2) || chr(3), '"'
                ),
                chr(1) || chr(2), '"#'
            ),
            chr(3), '"'
        ),
        chr(1), '"$'
    );
CREATE OR REPLACE TEMP MACRO unmarked(json_text) AS
    replace(
        replace(
            replace(
                replace(
                    regexp_replace(
                        json_text, '(?s)"\$((?:[^"\\]|\\.)*)"|"#([^"]*)"',
                        chr(1) || '\1' || chr(2) || '\2' || chr(3), 'g'
                    ),
                    chr(2) || chr(3), '"'
                ),
                chr(1) || chr(2), ''
            ),
            chr(3), ''
        ),
        chr(1), '"'
    );

-- The same for numbers with a point and without an exponent, much faster: one that is too large for a double
-- keeps its text, so each is made so large. Not for text that holds 'e999' already.
CREATE OR REPLACE TEMP MACRO enlarged(json_text) AS
    regexp_replace(json_text, '([:,\[\s]-?)([0-9]+\.[0-9]+)', '\11\2e999', 'g');
CREATE OR REPLACE TEMP MACRO made_small(json_text) AS
    regexp_replace(json_text, '([:,\[\s]-?)1([0-9]+\.[0-9]+)e999', '\1\2', 'g');

-- A field's JSON token as it was sent: a number may have been printed otherwise.
CREATE OR REPLACE TEMP MACRO as_sent(token, json_text, path) AS
    CASE
        WHEN NOT regexp_matches(token, '^-?[0-9]+[.eE]|^0$') THEN token
        WHEN may_hold_minus_zero(json_text) OR may_hold_exponent(json_text) OR may_hold_long_fraction(json_text)
            OR may_be_rounded(token) THEN json_extract_string(numbers_as_strings(json_text), path)
        ELSE token
    END;
