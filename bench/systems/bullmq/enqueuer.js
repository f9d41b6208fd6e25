// Enqueues what bench/systems/elsewhere.py asks for, a line each, and answers with the moment it began (ns).
'use strict';

const readline = require('node:readline');
const { Queue } = require('bullmq');

const AT_ONCE = 1000;
const queue = new Queue('bench', { connection: { url: process.env.BENCH_REDIS } });

async function enqueue({ first, count, wait_ms, padding, bulk }) {
  const data = (number) => ({ number, wait_ms, padding });
  if (!bulk) {
    for (let number = first; number < first + count; number += 1) await queue.add('work', data(number));
    return;
  }
  for (let start = first; start < first + count; start += AT_ONCE) {
    const length = Math.min(AT_ONCE, first + count - start);
    await queue.addBulk(Array.from({ length }, (_, at) => ({ name: 'work', data: data(start + at) })));
  }
}

async function main() {
  await queue.waitUntilReady();
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const began = process.hrtime.bigint();
    await enqueue(JSON.parse(line));
    process.stdout.write(`${began}\n`);
  }
  await queue.close();
}

main();
