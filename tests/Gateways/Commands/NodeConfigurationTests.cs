using Atoll.Hosting;
using Atoll.Output;
using Xunit;

namespace Atoll.Gateways.Tests.Commands;

/// <summary>Settings of a node: where they come from, and what is refused.</summary>
public sealed class NodeConfigurationTests
{
    [Fact]
    public void The_command_line_stands_above_the_environment_and_that_above_the_file()
    {
        var file = new Dictionary<string, string> { ["name"] = "file", ["zone"] = "file", ["region"] = "file" };
        var environment = new Dictionary<string, string> { ["ATOLL_NAME"] = "environment", ["ATOLL_ZONE"] = "environment" };
        var line = new Dictionary<string, string> { ["name"] = "line" };
        var node = NodeConfiguration.Build(new NodeSettings(line.GetValueOrDefault, environment.GetValueOrDefault, file)).Node;
        Assert.Equal(("line", "environment", "file"), (node.Name, node.Zone, node.Region));
    }

    [Fact]
    public void A_node_listens_on_the_loopback_and_says_so()
    {
        var options = Build();
        Assert.Equal(("127.0.0.1:4600", "127.0.0.1:4601", "127.0.0.1:4680"),
            (options.Node.ClientAddress, options.Node.PeerAddress, options.Node.HttpAddress));
        Assert.Null(Build(("http-port", "0")).HttpEndPoint);
        Assert.Equal("127.0.0.1:9042", Build().CqlEndPoint!.ToString());
        Assert.Null(Build(("cql-port", "0")).CqlEndPoint);
        var advertised = Build(("listen", "127.0.0.1"), ("advertise", "127.0.0.5"), ("cql-port", "9999"));
        Assert.Equal(("127.0.0.1:9999", "127.0.0.5:9999"), (advertised.CqlEndPoint!.ToString(), advertised.CqlAdvertised!.ToString()));
    }

    [Fact]
    public void The_limits_of_records_are_settings()
    {
        var node = Build(("key-bytes-max", "100"), ("value-bytes-max", "200")).Node;
        Assert.Equal((100, 200), (node.KeyBytesMax, node.ValueBytesMax));
        Assert.Equal((4 * 1024, 8 * 1024 * 1024), (Build().Node.KeyBytesMax, Build().Node.ValueBytesMax));
    }

    [Fact]
    public void Listening_beyond_this_machine_needs_tls_and_tokens_or_a_clear_word()
    {
        var error = Assert.Throws<CommandException>(() => Build(("listen", "0.0.0.0"), ("advertise", "10.0.0.1")));
        Assert.Contains("--tls-cert", error.Message, StringComparison.Ordinal);
        Assert.Contains("--token-file", error.Message, StringComparison.Ordinal);
        Assert.Contains("--insecure", error.Message, StringComparison.Ordinal);
        var half = Assert.Throws<CommandException>(() => Build(("listen", "0.0.0.0"), ("advertise", "10.0.0.1"), ("tokens", "secret")));
        Assert.DoesNotContain("--token-file", half.Message, StringComparison.Ordinal);
        Assert.Equal("10.0.0.1:4600", Build(("listen", "0.0.0.0"), ("advertise", "10.0.0.1"), ("insecure", "true")).Node.ClientAddress);
    }

    public static TheoryData<string, string, string> Bad => new()
    {
        { "port", "70000", "port" },
        { "port", "http", "port" },
        { "loops", "0", "loops" },
        { "key-bytes-max", "65537", "key-bytes-max" },
        { "value-bytes-max", "0", "value-bytes-max" },
        { "insecure", "perhaps", "insecure" },
        { "listen", "0.0.0.0", "advertise" },
        { "listen", "no such host.", "resolved" },
        { "tls-cert", "c.pem", "tls-key" },
        { "token-file", "/no/such/file", "tokens" },
        { "tokens", "two words", "tokens" },
        { "trace-endpoint", "over there", "trace-endpoint" },
        { "join", "host:port", "join" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void A_wrong_setting_is_named(string name, string value, string expected) =>
        Assert.Contains(expected, Assert.Throws<CommandException>(() => Build((name, value))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_node_founds_or_joins_but_not_both() =>
        Assert.Throws<CommandException>(() => Build(("join", "127.0.0.1:4600"), ("bootstrap", "true")));

    [Theory]
    [InlineData("data: d\njoin: [a:1, b:2]\nport: 4700\n")]
    [InlineData("{\"data\": \"d\", \"join\": [\"a:1\", \"b:2\"], \"port\": 4700}")]
    public void A_file_is_yaml_or_json(string text)
    {
        var settings = ReadFile(text);
        Assert.Equal(("d", "a:1,b:2", "4700"), (settings["data"], settings["join"], settings["port"]));
    }

    [Theory]
    [InlineData("prot: 4700\n", "no setting \"prot\"")]
    [InlineData("- a\n- b\n", "mapping")]
    [InlineData("data: {a: b}\n", "value or a list")]
    [InlineData("data: [\n", "line")]
    public void A_wrong_file_is_told(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<CommandException>(() => ReadFile(text)).Message, StringComparison.Ordinal);

    private static NodeHostOptions Build(params (string Name, string Value)[] settings)
    {
        var given = settings.ToDictionary(setting => setting.Name, setting => setting.Value);
        return NodeConfiguration.Build(new NodeSettings(given.GetValueOrDefault, _ => null, []));
    }

    private static Dictionary<string, string> ReadFile(string text)
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, text);
            return NodeSettings.ReadFile(path, [.. NodeConfiguration.Settings.Keys]);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
