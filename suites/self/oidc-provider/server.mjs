// oidc-provider on a free loopback port, configured as an operator would for a Dev Portal.
//
//   node server.mjs --registration token|open|client [--rotate] [--algorithm RS256|ES256|EdDSA] [--client]
//
// token   one initial access token for all registrations: INITIAL_ACCESS_TOKEN in the environment
// open    registration needs no token
// client  as at Curity: the client REGISTRAR_ID with REGISTRAR_SECRET gets initial access tokens with
//         client_credentials and scope dcr
//
// With --rotate, updating a registration returns a new registration access token; --algorithm signs access tokens; with
// --client the client REGISTRAR_ID is there in each case. Standard output has two lines: the
// issuer, once connections are accepted, and the number of registered clients left, when SIGTERM stops the server.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import Provider from 'oidc-provider';

console.info = console.error; // the library's notices

const { values: options } = parseArgs({
  options: {
    registration: { type: 'string' },
    rotate: { type: 'boolean', default: false },
    algorithm: { type: 'string', default: 'RS256' },
    client: { type: 'boolean', default: false },
  },
});
const { INITIAL_ACCESS_TOKEN, REGISTRAR_ID, REGISTRAR_SECRET } = process.env;
const LIFETIME = 300;

function needed(name) {
  if (!process.env[name]) {
    throw new Error(`--registration ${options.registration} needs ${name} in the environment`);
  }
  return process.env[name];
}

const INITIAL_ACCESS = {
  token: () => needed('INITIAL_ACCESS_TOKEN'),
  open: () => false,
  client: () => Boolean(needed('REGISTRAR_ID') && needed('REGISTRAR_SECRET')), // tokens that this server has issued
};
const initialAccess = INITIAL_ACCESS[options.registration];
if (!initialAccess) {
  throw new Error('--registration token, open or client');
}

const registrar = {
  client_id: REGISTRAR_ID,
  client_secret: REGISTRAR_SECRET,
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
  scope: 'dcr',
};

const KEYS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519'],
};
function signingKey(algorithm) {
  const { privateKey } = generateKeyPairSync(...KEYS[algorithm]);
  return { ...privateKey.export({ format: 'jwk' }), alg: algorithm, use: 'sig' };
}

// RS256 is always there: clients ask for no other algorithm of ID tokens, and that is the default
const signingKeys = [...new Set([options.algorithm, 'RS256'])].map(signingKey);

const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: options.client || options.registration === 'client' ? [registrar] : [],
  cookies: { keys: [randomBytes(32).toString('hex')] },
  jwks: { keys: signingKeys },
  scopes: ['openid', 'dcr'],
  ttl: { ClientCredentials: LIFETIME },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    registration: { enabled: true, initialAccessToken: initialAccess() },
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: options.rotate },
    resourceIndicators: {
      enabled: true,
      // without a resource, access tokens would be opaque; no client here sends one
      defaultResource: () => 'urn:dcrproof:accounts',
      getResourceServerInfo: (ctx, audience) => ({
        scope: 'openid dcr',
        audience,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: options.algorithm } },
      }),
    },
  },
});

if (options.registration === 'client') {
  // The library has initial access tokens, but no request that returns one: here, scope dcr does for one client.
  provider.use(async (ctx, next) => {
    await next();
    const granted = ctx.oidc?.route === 'token' && ctx.status === 200;
    if (granted && ctx.oidc.client.clientId === REGISTRAR_ID && ctx.body.scope?.split(' ').includes('dcr')) {
      ctx.body.access_token = await new provider.InitialAccessToken({ expiresIn: LIFETIME }).save();
    }
  });
}

const clients = new Set();
provider.on('registration_create.success', (ctx, client) => clients.add(client.clientId));
provider.on('registration_delete.success', (ctx, client) => clients.delete(client.clientId));

server.on('request', provider.callback());
process.on('SIGTERM', () => {
  process.stdout.write(`clients left: ${clients.size}\n`);
  server.close();
  server.closeAllConnections();
});
process.stdout.write(`${issuer}\n`);
