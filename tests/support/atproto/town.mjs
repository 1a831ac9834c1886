// Everything of a Bluesky network but the PDS: the directory of identities (PLC), the AppView, and bsync between
// AppViews. Told what to be by its first line of input, as JSON; says in one line of JSON where it is; ends with
// its input.
import { createInterface } from 'node:readline'
import { TestBsky, TestBsync, TestPlc, mockResolvers } from '@atproto/dev-env'

const lines = createInterface({ input: process.stdin })
lines.once('close', () => process.exit(0))
const { pdsPort, postgres, redis } = JSON.parse((await lines[Symbol.asyncIterator]().next()).value)

const plc = await TestPlc.create({})
const bsync = await TestBsync.create({ apiKeys: ['bsync-api-key'], dbUrl: postgres, dbSchema: 'bsync' })
const bsky = await TestBsky.create({
  plcUrl: plc.url,
  pdsPort,
  repoProvider: `ws://localhost:${pdsPort}`,
  dbPostgresUrl: postgres,
  dbPostgresSchema: 'appview',
  redisHost: redis,
  bsyncUrl: bsync.url,
  bsyncApiKey: 'bsync-api-key',
  publicUrl: 'http://localhost',
})
bsync.ctx.dataplaneClients = [bsky.ctx.dataplane]
// Handles under .test are in no DNS: the PDS that gave them is asked.
const pdsUrl = `http://localhost:${pdsPort}`
const pds = {
  url: pdsUrl,
  port: pdsPort,
  ctx: { cfg: { service: { publicUrl: pdsUrl }, identity: { serviceHandleDomains: ['.test'] } } },
}
mockResolvers(bsky.ctx.idResolver, pds)
mockResolvers(bsky.dataplane.idResolver, pds)
console.log(JSON.stringify({ plc: plc.url, appview: bsky.url, appviewDid: bsky.ctx.cfg.serverDid }))
