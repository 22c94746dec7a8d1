-- One step of a worker, atomic: end its job, push that job's successor, begin its next job. No job is ever between two
-- places, so RQ's intermediate list is not needed.
-- KEYS: queue, started, finished, failed, counts, worker. ARGV: options as JSON, then the successor's id and hash.
local queue, started, finished, failed, counts, worker = unpack(KEYS)
local step = cjson.decode(ARGV[1])

local function drop(id)
    redis.call('DEL', 'rq:job:' .. id, 'rq:results:' .. id, 'rq:executions:' .. id,
               'rq:job:' .. id .. ':dependents', 'rq:job:' .. id .. ':dependencies')
end

local function keep(registry, id, most)
    redis.call('ZADD', registry, step.expires_at, id)
    local excess = redis.call('ZCARD', registry) - most
    if excess > 0 then
        for _, oldest in ipairs(redis.call('ZRANGE', registry, 0, excess - 1)) do
            redis.call('ZREM', registry, oldest)
            drop(oldest)
        end
    end
end

local function execution(id)
    return id .. ':' .. step.worker
end

local executions = worker .. ':executions' -- where RQ's tools look for what a worker is doing
redis.call('DEL', executions)
local known = redis.call('EXISTS', worker) == 1 -- after a FLUSHALL its heartbeat registers it again
local ended = step.ended
if ended then
    redis.call('ZREM', started, execution(ended.id))
    redis.call('DEL', 'rq:execution:' .. execution(ended.id))
    redis.call('HINCRBY', counts, ended.count, 1)
    if known then
        redis.call('HINCRBY', worker, ended.tally, 1)
        redis.call('HINCRBYFLOAT', worker, 'total_working_time', ended.seconds)
    end
    local key = 'rq:job:' .. ended.id
    if not ended.status then
        drop(ended.id)
    elseif redis.call('TYPE', key).ok == 'hash' then
        redis.call('HSET', key, 'status', ended.status, 'ended_at', step.now)
        redis.call('EXPIRE', key, step.kept_seconds)
        if ended.error then
            redis.call('XADD', 'rq:results:' .. ended.id, '*', 'type', 2, 'worker_name', step.worker,
                       'exc_string', ended.error)
            redis.call('EXPIRE', 'rq:results:' .. ended.id, step.kept_seconds)
        end
        local into_failed = ended.status == 'failed'
        keep(into_failed and failed or finished, ended.id, into_failed and step.keep_failed or step.keep_finished)
    end
end

if ARGV[2] then
    redis.call('HSET', 'rq:job:' .. ARGV[2], unpack(ARGV, 3))
    redis.call('RPUSH', queue, ARGV[2])
end

local begun = step.begin or (step.pop and redis.call('LPOP', queue)) or nil
if begun then
    local key = 'rq:job:' .. begun
    if redis.call('TYPE', key).ok == 'hash' then
        redis.call('HSET', key, 'status', 'started', 'started_at', step.now, 'last_heartbeat', step.now,
                   'worker_name', step.worker)
    end
    redis.call('ZADD', started, step.limit_at, execution(begun))
    redis.call('SADD', executions, execution(begun))
    key = 'rq:execution:' .. execution(begun)
    redis.call('HSET', key, 'job_id', begun, 'created_at', step.time, 'last_heartbeat', step.time,
               'worker_name', step.worker)
    for _, name in ipairs({executions, key}) do
        redis.call('EXPIREAT', name, math.ceil(step.limit_at))
    end
end
if known then
    redis.call('HSET', worker, 'state', begun and 'busy' or 'idle', 'current_job', begun or '')
end
return begun
