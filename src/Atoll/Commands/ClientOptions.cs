using System.CommandLine;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Atoll.Client.Remote;
using Atoll.Gateways.Http;
using Atoll.Output;
using Atoll.Services;
using Atoll.Services.Calls;

namespace Atoll.Commands;

/// <summary>The options of every command that talks to a cluster.</summary>
internal sealed class ClientOptions
{
    public Option<string?> Nodes { get; } = new("--node", "-n")
    {
        Description = "Addresses of some nodes, HOST:PORT[,..]. Default: $ATOLL_NODES, or 127.0.0.1:4600",
        HelpName = "HOST:PORT[,..]",
        Recursive = true,
    };

    public Option<string?> Token { get; } = new("--token")
    {
        Description = "Access token. Default: $ATOLL_TOKEN. A file is safer: --token-file",
        HelpName = "TOKEN",
        Recursive = true,
    };

    public Option<FileInfo?> TokenFile { get; } = new("--token-file")
    {
        Description = "File whose first line that is no comment is the access token",
        HelpName = "FILE",
        Recursive = true,
    };

    public Option<FileInfo?> TlsAuthority { get; } = new("--tls-ca")
    {
        Description = "Use TLS; nodes must have certificates of the authorities in this PEM file",
        HelpName = "FILE",
        Recursive = true,
    };

    public Option<string?> CallTimeout { get; } = new("--timeout")
    {
        Description = "How long one request may take, retries included, such as 500ms or 30s. Default: 10s",
        HelpName = "DURATION",
        Recursive = true,
    };

    public Option<bool> Json { get; } = new("--json")
    {
        Description = "Results as JSON, one object a line",
        Recursive = true,
    };

    public IEnumerable<Option> All => [Nodes, Token, TokenFile, TlsAuthority, CallTimeout, Json];

    /// <summary>How to reach the cluster that the command line names.</summary>
    public RemoteOptions Remote(ParseResult parsed)
    {
        var nodes = parsed.GetValue(Nodes) ?? Environment.GetEnvironmentVariable("ATOLL_NODES");
        var options = new RemoteOptions
        {
            Nodes = string.IsNullOrWhiteSpace(nodes)
                ? new RemoteOptions().Nodes
                : nodes.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
            Token = ReadToken(parsed),
            Tls = ReadTls(parsed.GetValue(TlsAuthority)?.FullName ?? Environment.GetEnvironmentVariable("ATOLL_TLS_CA")),
            ClientName = "atoll-cli",
        };
        try
        {
            return options.Validated();
        }
        catch (ArgumentException error)
        {
            throw new CommandException(error.Message);
        }
    }

    /// <summary>A client of that cluster.</summary>
    public AtollClient Connect(ParseResult parsed, bool inlineContinuations = false)
    {
        var clock = new ServerClock(TimeProvider.System);
        var port = new RemotePort(Remote(parsed), clock);
        return new AtollClient(
            port,
            new CallerOptions
            {
                Clock = clock,
                InlineContinuations = inlineContinuations,
                Retries = new RetryPolicy { DefaultTimeout = Duration(parsed, CallTimeout) ?? TimeSpan.FromSeconds(10) },
            },
            port,
            port);
    }

    public Printer Printer(ParseResult parsed) => new(parsed.GetValue(Json));

    /// <summary>A duration option's value; null when it was not given.</summary>
    public static TimeSpan? Duration(ParseResult parsed, Option<string?> option) => parsed.GetValue(option) switch
    {
        null => null,
        var text => DurationText.TryParse(text, out var duration)
            ? duration
            : throw new CommandException($"{option.Name} must be a duration such as 500ms, 30s, 5m or 12h, not \"{text}\""),
    };

    /// <summary>TLS towards nodes with certificates of those authorities; null without a file.</summary>
    public static SslClientAuthenticationOptions? ReadTls(string? authorityFile)
    {
        if (string.IsNullOrEmpty(authorityFile))
        {
            return null;
        }

        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        try
        {
            policy.CustomTrustStore.ImportFromPemFile(authorityFile);
        }
        catch (Exception error) when (
            error is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            throw new CommandException($"no certificate can be read from {authorityFile}: {error.Message}");
        }

        return new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
    }

    private string ReadToken(ParseResult parsed)
    {
        if (parsed.GetValue(Token) is { Length: > 0 } token)
        {
            return token;
        }

        var file = parsed.GetValue(TokenFile)?.FullName ?? Environment.GetEnvironmentVariable("ATOLL_TOKEN_FILE");
        if (string.IsNullOrEmpty(file))
        {
            return Environment.GetEnvironmentVariable("ATOLL_TOKEN") ?? "";
        }

        try
        {
            return File.ReadLines(file).Select(line => line.Trim()).FirstOrDefault(line => line.Length > 0 && line[0] != '#')
                ?? throw new CommandException($"{file} holds no token");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"the token file {file} cannot be read: {error.Message}");
        }
    }
}
