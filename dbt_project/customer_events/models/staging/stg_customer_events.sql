{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        contract={'enforced': true},
        pre_hook={'sql': "{{ penstock_shared.attach_landing('customer_events') }}", 'transaction': false},
        post_hook=[
            "{{ penstock_shared.record_input('customer_events') }}",
            {'sql': "{{ penstock_shared.detach_landing('customer_events') }}", 'transaction': false},
        ],
    )
}}

-- New is what landed after the last commit that was read: offsets and times do not grow in the order of landing.
with source as (
    select * from {{ source('customer_events', 'customer_events') }}
    {% if is_incremental() %}
    where _commit > {{ penstock_shared.last_commit_read('customer_events') }}
    {% endif %}
),

-- Of several copies of an event the first that landed counts.
first_landed as (
    select *
    from source
    qualify row_number() over (partition by event_id order by _commit, _kafka_partition, _offset, _epoch) = 1
),

renamed as (
    select
        event_id,
        event_time at time zone 'UTC' as event_time,
        event_type,
        product_id,
        category_id,
        category_code,
        brand,
        price,
        user_id,
        user_session,
        _epoch,
        _kafka_partition,
        _offset,
        _commit
    from first_landed
),

commits as (
    select
        "commit" as _commit, -- noqa: RF06
        "at" at time zone 'UTC' as _landed_at -- noqa: RF06
    from {{ source('customer_events', 'commits') }}
)

select
    renamed.*,
    commits._landed_at
from renamed
-- Not an inner join: an event whose commit is not noted must stop the build (`_landed_at` is never null), not fall out.
left join commits on renamed._commit = commits._commit
{% if is_incremental() %}
-- What staging holds landed earlier, so it is the first copy.
anti join {{ this }} as known on renamed.event_id = known.event_id
{% endif %}
