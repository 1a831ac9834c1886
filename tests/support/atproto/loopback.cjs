// These servers would listen on every interface of the machine. Here they are for this machine alone.
'use strict'
const dns = require('node:dns')
const net = require('node:net')

dns.setDefaultResultOrder('ipv4first')
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (...args) {
  const [first, second] = args
  if (first !== null && typeof first === 'object' && first.port !== undefined) {
    args[0] = { ...first, host: '127.0.0.1' }
  } else if (Number.isInteger(Number(first ?? 0))) {
    if (typeof second === 'string') args.splice(1, 1)
    args.splice(1, 0, '127.0.0.1')
  }
  return listen.apply(this, args)
}
