-- One step of a worker, atomic: push the successor of the job that ended, begin the next job, write down how the last one
-- ended. No job is ever between two places, so RQ's intermediate list is not needed.
-- What RQ's tools show is written with pcall: a key of another kind among them must not keep a job from its worker.
-- KEYS: queue, started, finished, failed, counts, worker. ARGV: options as JSON, then the successor's id and hash.
-- step.counts: what the worker has counted since its last step. What Redis refuses of it (full, not a number) is lost.
local queue, started, finished, failed, counts, worker = unpack(KEYS)
local step = cjson.decode(ARGV[1])
local try = redis.pcall

local function execution(id)
    return id .. ':' .. step.worker
end

local function drop(id)
    try('DEL', 'rq:job:' .. id, 'rq:results:' .. id, 'rq:executions:' .. id,
        'rq:job:' .. id .. ':dependents', 'rq:job:' .. id .. ':dependencies')
end

local function keep(registry, id, most)
    try('ZADD', registry, step.expires_at, id)
    local excess = try('ZCARD', registry)
    excess = type(excess) == 'number' and excess - most or 0
    if excess > 0 then
        for _, oldest in ipairs(try('ZRANGE', registry, 0, excess - 1)) do
            try('ZREM', registry, oldest)
            drop(oldest)
        end
    end
end

if ARGV[2] then
    try('HSET', 'rq:job:' .. ARGV[2], unpack(ARGV, 3))
    try('RPUSH', queue, ARGV[2])
end
local begun = step.begin or (step.pop and try('LPOP', queue)) or nil
if type(begun) ~= 'string' then
    begun = nil
end

local known = redis.call('TYPE', worker).ok == 'hash' -- after a FLUSHALL its heartbeat registers it again
local executions = worker .. ':executions' -- where RQ's tools look for what a worker is doing
redis.call('DEL', executions)
for field, by in pairs(step.counts) do
    try('HINCRBY', counts, field, by)
end
local ended = step.ended
if ended then
    try('ZREM', started, execution(ended.id))
    redis.call('DEL', 'rq:execution:' .. execution(ended.id))
    if known and ended.tally then
        try('HINCRBY', worker, ended.tally, 1)
        try('HINCRBYFLOAT', worker, 'total_working_time', ended.seconds)
    end
    local key = 'rq:job:' .. ended.id
    if not ended.status then
        drop(ended.id)
    elseif redis.call('TYPE', key).ok == 'hash' then
        redis.call('HSET', key, 'status', ended.status, 'ended_at', step.now)
        redis.call('EXPIRE', key, step.kept_seconds)
        if ended.error then
            try('XADD', 'rq:results:' .. ended.id, '*', 'type', 2, 'worker_name', step.worker, 'exc_string', ended.error)
            redis.call('EXPIRE', 'rq:results:' .. ended.id, step.kept_seconds)
        end
        local into_failed = ended.status == 'failed'
        keep(into_failed and failed or finished, ended.id, into_failed and step.keep_failed or step.keep_finished)
    end
end

if begun then
    local key = 'rq:job:' .. begun
    local until_then = math.ceil(step.limit_at)
    if redis.call('TYPE', key).ok == 'hash' then
        redis.call('HSET', key, 'status', 'started', 'started_at', step.now, 'last_heartbeat', step.now,
                   'worker_name', step.worker)
        redis.call('EXPIREAT', key, until_then + 86400)
    end
    try('ZADD', started, step.limit_at, execution(begun))
    redis.call('SADD', executions, execution(begun))
    redis.call('EXPIREAT', executions, until_then)
    key = 'rq:execution:' .. execution(begun)
    try('HSET', key, 'job_id', begun, 'created_at', step.time, 'last_heartbeat', step.time, 'worker_name', step.worker)
    redis.call('EXPIREAT', key, until_then)
end
if known then
    redis.call('HSET', worker, 'state', begun and 'busy' or 'idle', 'current_job', begun or '')
end
return begun
