// A gateway in Node: the generated contract through @grpc/grpc-js, every int64 exact.
//
// proto-loader gives 64-bit integers as strings; a Number would round from 2^53 up. Arithmetic is
// BigInt, and nothing but a BigInt is accepted as a quantity.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import grpc from '@grpc/grpc-js'
import protoLoader from '@grpc/proto-loader'

const DEADLINE_MS = 10_000

// Loads a FileDescriptorSet with all imports; no .proto file and no plug-in is needed.
export function contract(path) {
  const definition = protoLoader.loadFileDescriptorSetFromBuffer(readFileSync(path), {
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  })
  return grpc.loadPackageDefinition(definition).ocs.v1
}

export function int64(quantity) {
  if (typeof quantity !== 'bigint') throw new TypeError(`a quantity is a BigInt: ${quantity}`)
  return quantity.toString()
}

function now() {
  const ms = Date.now()
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1_000_000 }
}

// One connection, with the calls of a session.
export class Gateway {
  constructor(ocs, address) {
    this.client = new ocs.ChargingService(address, grpc.credentials.createInsecure())
  }

  close() {
    this.client.close()
  }

  // The same request may be sent again as it is: it is applied once.
  identified(fields) {
    return { request_id: randomUUID(), request_time: now(), ...fields }
  }

  send(method, request) {
    const call = promisify(this.client[method]).bind(this.client)
    return call(request, { deadline: Date.now() + DEADLINE_MS })
  }

  reserve(accountId, serviceId, units, fields = {}) {
    return this.send('Reserve', this.identified({
      account_id: accountId,
      service_id: serviceId,
      requested_units: int64(units),
      ...fields,
    }))
  }

  commit(reservation, units, rest) {
    const used = [{ units: int64(units) }]
    return this.send('Commit', this.identified({ reservation, used, ...rest }))
  }
}
