// A worker of BullMQ: node worker.js [concurrency], without it BullMQ's default.
'use strict';

const fs = require('node:fs');
const { setTimeout: pause } = require('node:timers/promises');
const { Worker } = require('bullmq');

const record = fs.openSync(process.env.BENCH_RECORD, 'a');

// The line of bench/jobs.py.
function note(number) {
  const moment = String(process.hrtime.bigint()).padStart(20, '0');
  fs.writeSync(record, `${String(number).padStart(8, '0')} ${moment}\n`);
}

async function work(job) {
  note(job.data.number);
  if (job.data.wait_ms) await pause(job.data.wait_ms);
}

const options = { connection: { url: process.env.BENCH_REDIS }, removeOnComplete: { count: 0 } };
if (process.argv[2]) options.concurrency = Number(process.argv[2]);
// As short as the other systems' leases in the scenario with the kill; the defaults are 30 seconds for both.
if (process.env.BENCH_SHORT_LEASES) Object.assign(options, { lockDuration: 6000, stalledInterval: 2000 });

const worker = new Worker('bench', work, options);
worker.on('error', (error) => console.error(error));
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => worker.close().then(() => process.exit(0)));
}
