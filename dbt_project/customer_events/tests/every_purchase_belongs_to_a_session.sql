-- The session of a purchase is a row of sessions, and knows of a purchase.
select purchases.event_id
from {{ ref('purchases') }} as purchases
left join {{ ref('sessions') }} as sessions
    on purchases.user_id = sessions.user_id and purchases.user_session = sessions.user_session
where coalesce(sessions.purchases, 0) = 0
