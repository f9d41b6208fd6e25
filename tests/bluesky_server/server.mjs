// Starts the reference server and a directory of accounts in memory, both on 127.0.0.1, and prints "ready".
// Variables: PDS_PORT, DIRECTORY_PORT, DATA_FOLDER. It ends with its standard input.
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { Server } from 'node:net'
import { join } from 'node:path'
import { PDS, envToCfg, envToSecrets, readEnv } from '@atproto/pds'
import { Database, PlcServer } from '@did-plc/server'

// Both call listen(port) without a host, which would open them to the network.
const anywhere = Server.prototype.listen
Server.prototype.listen = function (first, ...others) {
  const onLoopback = typeof first === 'number' ? [first, '127.0.0.1'] : [first]
  return anywhere.call(this, ...onLoopback, ...others)
}

const { PDS_PORT, DIRECTORY_PORT, DATA_FOLDER } = process.env
const blobs = join(DATA_FOLDER, 'blobs')
await mkdir(blobs, { recursive: true })

const directory = PlcServer.create({ db: Database.mock(), port: Number(DIRECTORY_PORT) })
await directory.start()

Object.assign(process.env, {
  PDS_HOSTNAME: 'localhost',
  PDS_DEV_MODE: '1',
  PDS_DISABLE_SSRF_PROTECTION: '1',
  PDS_DATA_DIRECTORY: DATA_FOLDER,
  PDS_BLOBSTORE_DISK_LOCATION: blobs,
  PDS_DID_PLC_URL: `http://localhost:${DIRECTORY_PORT}`,
  PDS_SERVICE_HANDLE_DOMAINS: '.test',
  PDS_INVITE_REQUIRED: '0',
  PDS_ADMIN_PASSWORD: 'for-tests-only',
  PDS_JWT_SECRET: 'for-tests-only',
  PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: randomBytes(32).toString('hex'),
})
const environment = readEnv()
const server = await PDS.create(envToCfg(environment), envToSecrets(environment))
await server.start()
console.log('ready')

async function stop() {
  await server.destroy()
  await directory.destroy()
  process.exit(0)
}
process.on('SIGTERM', stop)
process.stdin.resume().on('end', stop)
