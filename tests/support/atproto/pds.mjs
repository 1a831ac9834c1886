// A PDS: where people's accounts and posts are. Told what to be by its first line of input, as JSON; says in one
// line when it is there; ends with its input. Killed and started again with the same folder and key, it is the
// same PDS.
import { createInterface } from 'node:readline'
import { PDS } from '@atproto/pds'

const lines = createInterface({ input: process.stdin })
lines.once('close', () => process.exit(0))
const { port, folder, key, town, rateLimits } = JSON.parse((await lines[Symbol.asyncIterator]().next()).value)

const pds = await PDS.fromEnv({
  devMode: true,
  port,
  hostname: 'localhost',
  serviceHandleDomains: ['.test'],
  dataDirectory: `${folder}/data`,
  blobstoreDiskLocation: `${folder}/blobs`,
  plcRotationKeyK256PrivateKeyHex: key,
  jwtSecret: key,
  adminPassword: key,
  inviteRequired: false,
  disableSsrfProtection: true,
  didPlcUrl: town.plc,
  bskyAppViewUrl: town.appview,
  bskyAppViewDid: town.appviewDid,
  modServiceUrl: 'http://localhost:9',
  modServiceDid: 'did:example:nobody',
  rateLimitsEnabled: rateLimits,
})
await pds.start()
console.log(JSON.stringify({ pds: `http://localhost:${port}` }))
