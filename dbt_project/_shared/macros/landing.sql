{#
    A landing file belongs to its consumer, which cannot write while we read. So the one model that reads a stream
    attaches the file, copies what is new, notes what it read, and lets go: the file is held for that model alone.
    The model's hooks, in this order:

        pre_hook={"sql": "{{ penstock_shared.attach_landing('<stream>') }}", "transaction": false},
        post_hook=[
            "{{ penstock_shared.record_input('<stream>') }}",
            {"sql": "{{ penstock_shared.detach_landing('<stream>') }}", "transaction": false},
        ]

    `record_input` is part of the model's own transaction: rows and the note of what they hold are committed together.
    The other two cannot be: DuckDB attaches and detaches outside of transactions.

    Where commits of the stream are in quarantine, the model reads views of the file, which leave them out, under the
    same names. `penstock transform` says which; a build by hand leaves nothing out.
#}

{% macro landing_file(stream) -%}
{{ env_var('PENSTOCK_DATA', '../../data') }}/landing/{{ stream }}.duckdb
{%- endmacro %}

{# Runs of commits that are in quarantine: a list of their first and last numbers. #}
{% macro quarantined(stream) %}
{% do return(fromjson(env_var('PENSTOCK_QUARANTINED', '{}')).get(stream, [])) %}
{% endmacro %}

{# SQL of what is true of an event that is in quarantine. #}
{% macro is_quarantined(stream) -%}
({% for first, last in penstock_shared.quarantined(stream) %}_commit between {{ first }} and {{ last }}
{%- if not loop.last %} or {% endif %}{% endfor %})
{%- endmacro %}

{# The database that the landing file itself is attached as. #}
{% macro whole_landing(stream) -%}
{{ '_' if penstock_shared.quarantined(stream) }}landing_{{ stream }}
{%- endmacro %}

{% macro attach_landing(stream) %}
{% set whole = penstock_shared.whole_landing(stream) %}
attach if not exists '{{ penstock_shared.landing_file(stream) | replace("'", "''") }}' as {{ whole }} (read_only);
{% if penstock_shared.quarantined(stream) %}
attach if not exists ':memory:' as landing_{{ stream }};
create schema if not exists landing_{{ stream }}.raw;
create or replace view landing_{{ stream }}.raw.{{ adapter.quote(stream) }} as
from {{ whole }}.raw.{{ adapter.quote(stream) }}
where not {{ penstock_shared.is_quarantined(stream) }};
{% for table in ['rejects', 'offsets', 'commits', 'topics', 'gaps', 'landing'] %}
create or replace view landing_{{ stream }}.raw.{{ table }} as from {{ whole }}.raw.{{ table }};
{% endfor %}
{% endif %}
{# `penstock transform` and ingest bring older files up to date; a build by hand meets them as they are. #}
select
    error(
        'the landing file of {{ stream }} is of format ' || format_version || ', this project reads format 3: '
        || 'run penstock transform, which brings an older file up to date; a newer one wants a newer Penstock'
    )
from landing_{{ stream }}.raw.landing
where format_version <> 3;
{% if is_incremental() %}
{# A landing file that was made anew counts its commits from the start again, one whose log was torn gives the last
   numbers anew, and one that was restored from a backup leaps over the commits that the backup did not hold: we would
   drop events without a word. So the commit that we read last must be there, of the same number and moment. #}
select
    error(
        'the landing file of {{ stream }} ends with commit ' || landed.newest || ', but commit ' || inputs.landed_commit
        || ' was read before and is not in it: the file was replaced or restored; build with --full-refresh'
    )
from _penstock.inputs
cross join (
    select coalesce(max("commit"), 0) as newest from landing_{{ stream }}.raw.commits
) as landed
where
    inputs.stream = '{{ stream }}'
    and inputs.landed_commit > 0
    and inputs.landed_commit not in (
        select "commit" from landing_{{ stream }}.raw.commits
        where inputs.landed_at is null or "at" = inputs.landed_at
    );
{% endif %}
{% endmacro %}

{% macro record_input(stream) %}
delete from _penstock.inputs where stream = '{{ stream }}';
insert into _penstock.inputs (
    stream, landed_commit, complete_until, landed, rejected, offsets, landed_at, invocation_id, quarantined,
    quarantined_events
)
select
    landing.stream,
    (select coalesce(max("commit"), 0) from landing_{{ stream }}.raw.commits),
    landing.complete_until,
    (select count(*) from landing_{{ stream }}.raw.{{ adapter.quote(stream) }}),
    -- Tombstones, which have no value, break no rule.
    (select count(*) from landing_{{ stream }}.raw.rejects where replayed_commit is null and value is not null),
    (
        select
            coalesce(
                list(
                    struct_pack(epoch := epoch, "partition" := "partition", next_offset := next_offset)
                    order by epoch, "partition"
                ),
                []
            )
        from landing_{{ stream }}.raw.offsets
    ),
    (select max_by("at", "commit") from landing_{{ stream }}.raw.commits),
    '{{ invocation_id }}',
    {% if penstock_shared.quarantined(stream) %}
    [
        {% for first, last in penstock_shared.quarantined(stream) %}
        {'first_commit': {{ first }}, 'last_commit': {{ last }}}{{ ',' if not loop.last }}
        {% endfor %}
    ],
    (
        select count(*) from {{ penstock_shared.whole_landing(stream) }}.raw.{{ adapter.quote(stream) }}
        where {{ penstock_shared.is_quarantined(stream) }}
    )
    {% else %}
    [],
    0
    {% endif %}
from landing_{{ stream }}.raw.landing;
{% endmacro %}

{% macro detach_landing(stream) %}
detach landing_{{ stream }}
{% if penstock_shared.quarantined(stream) %}
;
detach {{ penstock_shared.whole_landing(stream) }}
{% endif %}
{% endmacro %}

{#
    SQL of the newest commit that staging has read from a stream. Noted by `record_input` and not taken from the rows:
    a commit may have brought copies only, and would be read again in every run. Without a note everything is read
    again, which doubles nothing, as staging keeps one row per event.
#}
{% macro last_commit_read(stream) -%}
(select coalesce(max(landed_commit), -1) from _penstock.inputs where stream = '{{ stream }}')
{%- endmacro %}
