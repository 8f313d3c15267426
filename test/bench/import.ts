// One import in a process of its own: `node import.js '<job>'`. It loads nothing else, not even the types of the others at run time.
const before = performance.now()
const cpuBefore = process.cpuUsage()
const job: { readonly contender: string } = JSON.parse(process.argv[2] ?? "")
await import(job.contender)
const cpu = process.cpuUsage(cpuBefore)
console.log(JSON.stringify({
  milliseconds: performance.now() - before,
  cpuMillis: (cpu.user + cpu.system) / 1000,
  megabytes: process.memoryUsage().rss / 1e6
}))

export {}
