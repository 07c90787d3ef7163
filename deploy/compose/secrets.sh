#!/bin/sh
# Makes what compose.yaml keeps secret, once: certificates, credentials, passwords. Needs openssl
# and `ocs` (or OCS="python -m ocs"). The directory is the owner's alone; the files in it can be
# read by containers, which run under other numbers.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
into=${1:-$here/secrets}
ocs=${OCS:-ocs}
if [ -e "$into" ]; then
    echo "$into exists; nothing was changed" >&2
    exit 1
fi
made=$into.new
rm -rf "$made"
mkdir -m 700 -p "$made"
cd "$made"

random() { openssl rand -hex 32; }

# A certificate authority of this machine's own, and the service's certificate.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
    -subj "/CN=ocs authority" -keyout ca-key.pem -out ca.pem 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj "/CN=ocs" -keyout tls-key.pem -out tls.csr 2>/dev/null
echo "subjectAltName=DNS:ocs,DNS:localhost,IP:127.0.0.1" >names
openssl x509 -req -in tls.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 365 \
    -extfile names -out tls.pem 2>/dev/null
rm tls.csr names ca.srl
chmod 600 ca-key.pem
chmod 644 tls-key.pem

# The store's logins: the documented rules, and the right to read when its log is written.
password=$(random)
digest=$(printf %s "$password" | openssl dgst -sha256 -r | cut -d " " -f 1)
rules=$(sed -n 's/^user ocs on #<[^>]*> //p' "$here/../../docs/operations.md")
[ -n "$rules" ]
{
    echo "user default off"
    echo "user ocs on #$digest $rules +config|get"
    echo "user health on nopass resetkeys resetchannels -@all +ping"
} >users.acl
echo "store_url = \"redis://ocs:$password@valkey:6379/0\"" >ocs.toml

# Who may call; each token beside its entry's hash.
for role in gateway top_up operator; do
    $ocs token new --id "compose-$role" --role "$role" >>credentials 2>told
    sed 's/^.*: //' told >"token-$role"
    chmod 600 "token-$role"
done
rm told
random >grafana-password
chmod 644 credentials users.acl ocs.toml grafana-password

mv "$made" "$into"
echo "made $into; tokens for clients are in its token-* files"
