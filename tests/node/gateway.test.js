// Run by test_node_client.py, which starts a service, opens the accounts named below, and looks at
// them afterwards. Environment: OCS_ADDRESS, DESCRIPTORS (a file), VECTORS (JSON), ACCOUNT, RICH.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import grpc from '@grpc/grpc-js'
import { contract, Gateway, int64 } from './gateway.js'

const { OCS_ADDRESS, DESCRIPTORS, VECTORS, ACCOUNT, RICH } = process.env
const MAX = 2n ** 53n - 1n

const ocs = contract(DESCRIPTORS)
const gateway = new Gateway(ocs, OCS_ADDRESS)
after(() => gateway.close())

test('a session reserves, reports, reserves again and ends', async () => {
  const first = await gateway.reserve(ACCOUNT, 'data', 5n * 1024n * 1024n, { session_id: 'node' })
  assert.equal(first.grant.outcome, 'OUTCOME_GRANTED')
  assert.equal(first.grant.granted_units, '5242880')
  assert.equal(first.grant.unit, 'UNIT_TYPE_OCTETS')

  const second = await gateway.commit(first.reservation, 1024n * 1024n, {
    next_grant: { requested_units: int64(2n * 1024n * 1024n) },
  })
  assert.equal(second.charge.charged_units, '1048576')
  assert.equal(second.charge.charged_micros, '1953') // 2.00 a GiB, half up
  assert.equal(second.grant.granted_units, '2097152')
  assert.equal(second.rest, undefined)
  assert.ok(BigInt(second.receipt.account_seq) > BigInt(first.receipt.account_seq))

  const last = await gateway.commit(second.reservation, 0n, { close: {} })
  assert.equal(last.charge.charged_micros, '0')
  assert.equal(last.grant, null)
})

test('a resend of the same request gets the same answer and charges once', async () => {
  const { reservation } = await gateway.reserve(ACCOUNT, 'sms', 3n)
  const request = gateway.identified({ reservation, used: [{ units: int64(2n) }], close: {} })

  const first = await gateway.send('Commit', request)
  const again = await gateway.send('Commit', request)

  assert.equal(first.charge.charged_micros, '140000')
  assert.equal(first.receipt.replayed, false)
  assert.equal(again.receipt.replayed, true)
  assert.deepEqual(
    { ...again, receipt: { ...again.receipt, replayed: false } },
    first,
  )
})

test('the largest quantity is held and charged to the last unit and micro-unit', async () => {
  const held = await gateway.reserve(RICH, 'pulses', MAX) // a micro-unit each
  assert.equal(held.grant.granted_units, '9007199254740991')
  assert.equal(held.grant.reserved_micros, '9007199254740991')
  assert.equal(BigInt(held.grant.granted_units), MAX)

  const paid = await gateway.commit(held.reservation, MAX - 1n, { close: {} })
  assert.equal(paid.charge.charged_units, '9007199254740990')
  assert.equal(paid.charge.charged_micros, '9007199254740990')
  assert.deepEqual(
    paid.charge.lines.map((line) => [line.bucket_id, line.units, line.micros]),
    [['main', '9007199254740990', '9007199254740990']],
  )
})

test('one more is refused as itself, not rounded to what fits', async () => {
  for (const units of [MAX + 1n, MAX + 2n, 2n ** 63n - 1n]) {
    await assert.rejects(gateway.reserve(RICH, 'pulses', units), (error) => {
      assert.equal(error.code, grpc.status.INVALID_ARGUMENT)
      const details = error.metadata.get('grpc-status-details-bin')[0].toString('latin1')
      assert.match(details, /INVALID_FIELD/)
      assert.match(details, /requested_units/)
      return true
    })
  }
})

test('quantities beyond 2^53 have the same bytes as in Python', () => {
  const { requestSerialize, requestDeserialize } = ocs.ChargingService.service.Reserve
  const vectors = JSON.parse(VECTORS)
  assert.ok(vectors.length > 3)
  for (const { units, wire } of vectors) {
    const bytes = requestSerialize({ requested_units: int64(BigInt(units)) })
    assert.equal(bytes.toString('hex'), wire)
    assert.equal(requestDeserialize(Buffer.from(wire, 'hex')).requested_units, units)
  }
})

test('a Number, which would round, is not a quantity', () => {
  assert.throws(() => int64(9007199254740993), TypeError)
})
