using Atoll.Commands;
using Xunit;

namespace Atoll.Gateways.Tests.Commands;

/// <summary>The command line as it is documented in docs/cli.md.</summary>
public sealed class CommandTreeTests
{
    [Theory]
    [InlineData("up --nodes 5 --data dir")]
    [InlineData("node --bootstrap --data d --listen 127.0.0.1 --port 1 --peer-port 2 --http-port 0")]
    [InlineData("node --join a:1,b:2 --tls-cert c --tls-key k --tls-ca a --token-file t --config f")]
    [InlineData("space create s --replication strong --replicas 5 --shards 8")]
    [InlineData("space create s --replication eventual --conflicts siblings")]
    [InlineData("put -s s key value --context AQ")]
    [InlineData("delete key --space s --context AQ")]
    [InlineData("space create s --replication eventual --conflicts counters")]
    [InlineData("add key 5 --space s")]
    [InlineData("add --space s key -- -5")]
    [InlineData("space list --json")]
    [InlineData("space describe s -n 127.0.0.2:4600")]
    [InlineData("space drop s --yes")]
    [InlineData("put -s s key value --ttl 5s")]
    [InlineData("put -s s key --file f --if-version 0")]
    [InlineData("get key --space s --read any")]
    [InlineData("delete key --space s")]
    [InlineData("scan -s s --prefix p --from a --to b --after c --limit 5 --reverse --keys-only")]
    [InlineData("watch -s s --prefix p --resume t --limit 1")]
    [InlineData("import f -s s --key id --key b --delimiter ; --no-header --no-quotes --format csv")]
    [InlineData("export -s s --format stanzas -o f")]
    [InlineData("status --watch")]
    [InlineData("transfer-leader 3 --to 2")]
    [InlineData("bench records --clients 1 64 --load put mix --seconds 1 --json")]
    [InlineData("bench cql --clients 64 --load write lwt --consistency one quorum --fault-model both --slow-replica 200 --json")]
    [InlineData("bench cql --cql 127.0.0.1:9042 127.0.0.2:9042 --fault-model eventual")]
    [InlineData("sim --seeds 10 --planted-bug LyingDisks")]
    [InlineData("sim --seed 7")]
    [InlineData("storage inspect folder --files --json")]
    [InlineData("storage verify folder")]
    [InlineData("storage dump folder --shard 2 --section expiries --from a --to 0xff --limit 5 --versions")]
    [InlineData("storage dump folder --shard 2 --log --from-index 1 --to-index 9")]
    [InlineData("storage dump folder --file loop-0/store/MANIFEST")]
    [InlineData("completions bash")]
    public void This_is_understood(string line) => Assert.Empty(CommandTree.Create().Parse(line).Errors);

    [Theory]
    [InlineData("frobnicate")]
    [InlineData("put key value")]
    [InlineData("get -s s")]
    [InlineData("space create s --replication hopeful")]
    [InlineData("space create s --replicas three")]
    [InlineData("space create s --conflicts none")]
    [InlineData("import f -s s")]
    [InlineData("export -s s --format xml")]
    [InlineData("transfer-leader 3")]
    [InlineData("transfer-leader x --to 2")]
    [InlineData("completions tcsh")]
    [InlineData("storage verify")]
    [InlineData("storage dump folder --section nonsense")]
    [InlineData("sim --planted-bug Nonsense")]
    [InlineData("bench cql --consistency most")]
    [InlineData("bench cql --fault-model byzantine")]
    public void This_is_refused(string line) => Assert.NotEmpty(CommandTree.Create().Parse(line).Errors);
}
