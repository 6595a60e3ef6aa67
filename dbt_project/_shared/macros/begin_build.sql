{#
    Before anything is built: the tables of Penstock's own records, and no build record. From here on the marts may
    change, so no verdict may speak of them, until `penstock transform` has seen this build succeed. A build typed by
    hand therefore leaves no record. Commands that change no mart (`dbt test`, `dbt docs`) leave the record alone.

    The same goes for what incremental models are made of, which `penstock transform` compares before it builds: where
    a model is built in full, or by hand, nobody knows it until `penstock transform` has noted it again.
#}
{% macro begin_build() %}
{% if execute and flags.WHICH not in ['test', 'docs', 'generate'] %}
create schema if not exists _penstock;
create table if not exists _penstock.warehouse (format_version integer);
delete from _penstock.warehouse;
insert into _penstock.warehouse values (2);
create table if not exists _penstock.made_of (model varchar, part varchar, fingerprint varchar);
{% if flags.FULL_REFRESH or not env_var('PENSTOCK_COMPARED', '') %}
{% for model in selected_resources %}
delete from _penstock.made_of where model = '{{ model }}';
{% endfor %}
{% endif %}
create table if not exists _penstock.inputs (
    stream varchar,
    landed_commit bigint,
    complete_until timestamptz,
    landed bigint,
    rejected bigint,
    offsets struct(epoch integer, "partition" integer, next_offset bigint)[]
);
alter table _penstock.inputs add column if not exists landed_at timestamptz; -- warehouses may be older than it
alter table _penstock.inputs add column if not exists invocation_id varchar;
alter table _penstock.inputs add column if not exists quarantined struct(first_commit bigint, last_commit bigint)[];
alter table _penstock.inputs add column if not exists quarantined_events bigint;
drop table if exists _penstock.build; -- `penstock transform` makes it, once this build has succeeded
{% endif %}
{% endmacro %}
