// The IAM policies of the emulated IAP, judged by the client that Google generated for it: the one inside the Cloud
// SDK, which has no command for instances. Read, merge, write, with the etag and version 3.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { insert, PROJECT, startCloud, ZONE, type Fields } from '../emulator/cloud-fixture.ts';
import { requireProgram } from '../helpers/requires.ts';
import { gcloudOf } from './gcloud.ts';

const PROGRAM = `
import json, sys
sdk, url, token, resource = sys.argv[1:]
sys.path[:0] = [sdk + '/lib', sdk + '/lib/third_party']
from apitools.base.py import encoding, exceptions
from googlecloudsdk.generated_clients.apis.iap.v1 import iap_v1_client, iap_v1_messages as m

client = iap_v1_client.IapV1(url=url, get_credentials=False,
    additional_http_headers={'Authorization': 'Bearer ' + token})
options = m.GetPolicyOptions(requestedPolicyVersion=3)
policy = client.v1.GetIamPolicy(m.IapGetIamPolicyRequest(
    resource=resource, getIamPolicyRequest=m.GetIamPolicyRequest(options=options)))
old = policy.etag
policy.version = 3
policy.bindings.append(m.Binding(
    role='roles/iap.tunnelResourceAccessor', members=['user:you@example.com'],
    condition=m.Expr(title='the agent', expression='destination.port == 8888')))
def write():
    return client.v1.SetIamPolicy(m.IapSetIamPolicyRequest(
        resource=resource, setIamPolicyRequest=m.SetIamPolicyRequest(policy=policy)))
written = json.loads(encoding.MessageToJson(write()))
policy.etag = old
try:
    write()
except exceptions.HttpConflictError as error:
    conflict = json.loads(error.content)['error']
print(json.dumps({'written': written, 'conflict': conflict}))
`;

describe('Google’s generated client of IAP', () => {
  it('grants a tunnel, and hears of a lost race', async (t) => {
    if (!requireProgram(t, 'gcloud')) return;
    const cloud = await startCloud(t);
    await insert(cloud, 'one');
    const info = ['info', '--format=value(installation.sdk_root,basic.python_location)'];
    const { stdout: places } = await gcloudOf(t, cloud).command(info);
    const [sdk = '', python = ''] = places.trim().split('\t');
    const resource = `projects/${PROJECT}/iap_tunnel/zones/${ZONE}/instances/one`;
    const url = `${cloud.emulator.ready.urls.oidc}/`;
    const args = ['-c', PROGRAM, sdk, url, cloud.token, resource];
    const { stdout } = await promisify(execFile)(python, args);
    const { written, conflict } = JSON.parse(stdout) as { written: Fields; conflict: Fields };
    assert.deepEqual(written, {
      version: 3,
      etag: written['etag'],
      bindings: [
        {
          role: 'roles/iap.tunnelResourceAccessor',
          members: ['user:you@example.com'],
          condition: { title: 'the agent', expression: 'destination.port == 8888' },
        },
      ],
    });
    assert.equal(conflict['status'], 'ABORTED');
    const read = await cloud.policy('one', 'getIamPolicy', {
      options: { requestedPolicyVersion: 3 },
    });
    // The client writes bytes in the alphabet for URLs.
    const etag = String(written['etag']).replaceAll('_', '/').replaceAll('-', '+');
    assert.deepEqual(read.body, { ...written, etag });
  });
});
