// A developer of the classic portal, by Kong's own client of the Portal API v2.
//
//     node client.mjs PORTAL-URL MAIL-URL
//
// The developer signs up, follows the mail, signs in, makes an application, registers it, renews its secret, and deletes
// everything again. MAIL-URL is /mail of the control interface. Prints each exchange as one line of JSON: method, path,
// status, type, body. Exits with 1 where the client rejects an answer, or where one is not what a developer expects.

import assert from 'node:assert/strict'
import axios from 'axios'
import sdk from '@kong/sdk-portal-js'

const [portal, mail] = process.argv.slice(2)
const email = 'newcomer@example.com'
const password = 'A-long-Passphrase-1'

const http = axios.create({ baseURL: portal })
const cookies = new Map() // axios keeps none outside of a browser
http.interceptors.request.use((request) => {
  if (cookies.size) request.headers.cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  return request
})
http.interceptors.response.use((answer) => {
  for (const cookie of answer.headers['set-cookie'] ?? []) {
    const [name, value] = cookie.split(';')[0].split('=')
    cookies.set(name, value)
  }
  const { pathname } = new URL(answer.config.url, portal)
  const type = answer.headers['content-type']
  const body = answer.data === '' ? null : answer.data
  console.log(JSON.stringify({ method: answer.config.method.toUpperCase(), path: pathname, status: answer.status, type, body }))
  return answer
})

const configuration = new sdk.Configuration({ basePath: '' })
const api = (name) => new sdk[name](configuration, portal, http)
const developer = api('DeveloperApi')
const applications = api('ApplicationsApi')
const registrations = api('RegistrationsApi')

const { data: context } = await api('PortalApi').getPortalContext()
assert.equal(context.name, 'developers')

await developer.register({ requestBody: { email, full_name: 'New Comer' } })
const { data: mails } = await axios.get(mail)
const [, token] = mails.filter((one) => one.to === email).at(-1).text.match(/token=(\S+)/)
const { data: verified } = await developer.verifyEmail({ verifyEmailRequest: { token: decodeURIComponent(token) } })
await developer.resetPassword({ resetPasswordRequest: { token: verified.token, password } })
await developer.authenticate({ authenticateRequest: { username: email, password } })
const { data: me } = await developer.getDeveloperMe()
assert.equal(me.email, email)

const { data: products } = await api('ProductsApi').listProducts({ pageSize: 10 })
assert.equal(products.data.length, 1)
const { data: versions } = await api('VersionsApi').listProductVersions({ productId: products.data[0].id })
const version = versions.data[0]
await api('VersionsApi').getProductVersion({ productId: products.data[0].id, productVersionId: version.id })

const { data: application } = await applications.createApplication({
  createApplicationPayload: { name: 'newcomer', redirect_uri: 'https://client.test/callback' }
})
const { client_id: clientId, client_secret: secret } = application.credentials
assert.ok(clientId && secret)
const applicationId = application.id
await applications.updateApplication({ applicationId, updateApplicationPayload: { description: 'for a while' } })
const { data: held } = await applications.getApplication({ applicationId })
assert.ok(!JSON.stringify(held).includes(secret))
const { data: all } = await applications.listApplications({ pageSize: 10 })
assert.equal(all.data.length, 1)

const { data: registration } = await registrations.createApplicationRegistration({
  applicationId,
  createRegistrationPayload: { product_version_id: version.id }
})
assert.equal(registration.status, 'approved')
await registrations.getApplicationRegistration({ applicationId, registrationId: registration.id })
await registrations.listApplicationRegistrations({ applicationId, pageSize: 10 })

const { data: renewed } = await api('CredentialsApi').refreshApplicationToken({ applicationId })
assert.notEqual(renewed.client_secret, secret)

await registrations.deleteApplicationRegistration({ applicationId, registrationId: registration.id })
await applications.deleteApplication({ applicationId })
await developer.refresh()
await developer.logout()
