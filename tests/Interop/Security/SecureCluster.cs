using Atoll.Interop.Tests.Processes;
using Xunit;

namespace Atoll.Interop.Tests.Security;

/// <summary>Three processes with certificates of one authority and access tokens, a space, and a stranger's authority.</summary>
public sealed class SecureCluster : IAsyncLifetime
{
    internal const string Token = "open-sesame";
    internal const string OtherToken = "swordfish";

    internal ProcessCluster Processes { get; } = new();

    internal CertificateAuthority Authority { get; private set; } = null!;

    internal CertificateAuthority Stranger { get; private set; } = null!;

    internal string TokenFile => Path.Combine(Processes.Folder, "tokens");

    /// <summary>What a client needs that may come in.</summary>
    internal string[] Access => ["--tls-ca", Authority.Path, "--token", Token];

    public async ValueTask InitializeAsync()
    {
        Authority = new CertificateAuthority(Processes.Folder, "authority");
        Stranger = new CertificateAuthority(Processes.Folder, "stranger");
        await File.WriteAllTextAsync(TokenFile, $"# the cluster's tokens\n{Token}\n{OtherToken}\n");
        await Processes.StartThreeAsync(node => (
            new Dictionary<string, string>(),
            [.. Authority.Issue($"node{node}", Processes.Host(node)), "--tls-ca", Authority.Path, "--token-file", TokenFile]));
        await ProcessCluster.SucceedsAsync(["space", "create", "s", "--replicas", "3", "--node", Processes.Client(1), .. Access]);
    }

    public ValueTask DisposeAsync()
    {
        Processes.Dispose();
        Authority.Dispose();
        Stranger.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Runs a command towards one node.</summary>
    internal Task<(int Code, string Output)> RunAsync(int node, string[] access, params string[] command) =>
        ProcessCluster.RunAsync([.. command, "--node", Processes.Client(node), .. access]);
}
