// BullMQ doing the jobs that `make bench` measures ours with.
//
//   node bullmq.mjs work <config>   the workers of all queues; prints "ready", then a line for each job of kind "stamp"
//   node bullmq.mjs add <config>    fills the paused queues and prints "added"; after a line on stdin it resumes them,
//                                   and prints how many seconds all jobs took
//   node bullmq.mjs ping <config>   adds one job of kind "stamp" after the other to idle workers
//
// config: {"socket": Redis' Unix socket, "queues": {name: slots}, "kind": "post" | "empty" | "stamp", "url": for "post",
//          "jobs": how many a slot}

import http from "node:http";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Queue, Worker } from "bullmq";

const [role, config] = process.argv.slice(2);
const { socket, queues, kind, url, jobs } = JSON.parse(config);
const connection = { path: socket, maxRetriesPerRequest: null };
const options = { connection, prefix: "bullmq" };
const agent = new http.Agent({ keepAlive: true });
const headers = { "Content-Type": "application/json" };

const processors = {
  post: (job) => post(JSON.stringify({ row: job.id })),
  empty: async () => {},
  stamp: async (job) => console.log(Number(process.hrtime.bigint() - BigInt(job.data.at)) / 1e6), // milliseconds
};

function post(body) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: "POST", agent, headers }, (response) => {
      response.resume();
      response.on("end", () => (response.statusCode === 200 ? resolve() : reject(new Error(`${response.statusCode}`))));
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function work() {
  const keep = { removeOnComplete: { count: 100 }, removeOnFail: { count: 500 } };
  const workers = Object.entries(queues).map(
    ([name, concurrency]) => new Worker(name, processors[kind], { ...options, ...keep, concurrency }),
  );
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  console.log("ready");
}

async function add() {
  const open = Object.keys(queues).map((name) => new Queue(name, options));
  await Promise.all(open.map((queue) => queue.pause()));
  const retries = { attempts: 4, backoff: { type: "exponential", delay: 2000 } };
  for (const queue of open) {
    const count = jobs * queues[queue.name];
    await queue.addBulk(Array.from({ length: count }, (_, row) => ({ name: kind, data: { row }, opts: retries })));
  }
  console.log("added");
  await once(process.stdin, "data");
  const begun = performance.now();
  await Promise.all(open.map((queue) => queue.resume()));
  while ((await Promise.all(open.map(left))).some((count) => count > 0)) await sleep(10);
  console.log((performance.now() - begun) / 1000);
}

async function left(queue) {
  const counts = await queue.getJobCounts("wait", "paused", "active", "delayed", "failed");
  if (counts.failed) throw new Error(`${queue.name}: ${counts.failed} jobs failed`);
  return counts.wait + counts.paused + counts.active + counts.delayed;
}

async function ping() {
  const queue = new Queue(Object.keys(queues)[0], options);
  for (let number = 0; number < jobs; number++) {
    await queue.add(kind, { at: `${process.hrtime.bigint()}` });
    while ((await left(queue)) > 0) await sleep(2);
    await sleep(20);
  }
}

await { work, add, ping }[role]();
if (role !== "work") process.exit(0);
