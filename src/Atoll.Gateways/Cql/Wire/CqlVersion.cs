namespace Atoll.Gateways.Cql.Wire;

/// <summary>The versions of the native protocol that are spoken here.</summary>
public enum CqlVersion : byte
{
    /// <summary>Version 3 (Cassandra 2.1): frames with 16-bit streams.</summary>
    V3 = 3,

    /// <summary>Version 4 (Cassandra 2.2): unset values, custom payloads, warnings, partition key indexes.</summary>
    V4 = 4,

    /// <summary>Version 5 (Cassandra 4.0): checksummed segments, result metadata ids, keyspace and time by request.</summary>
    V5 = 5,
}

/// <summary>What holds for all messages of the protocol.</summary>
public static class CqlProtocol
{
    /// <summary>The port that drivers try when they are told none.</summary>
    public const int DefaultPort = 9042;

    /// <summary>The highest version spoken here.</summary>
    public const CqlVersion VersionMax = CqlVersion.V5;

    /// <summary>The version of the language that STARTUP must ask for, or one that is compatible with it.</summary>
    public const string LanguageVersion = "3.4.5";

    /// <summary>The release that drivers are told, by which they choose how to read the schema.</summary>
    public const string ReleaseVersion = "4.0.11";

    /// <summary>The stream of messages that answer no request.</summary>
    public const short EventStream = -1;

    /// <summary>The longest body that the protocol allows, in bytes.</summary>
    public const int BodyBytesMax = 256 * 1024 * 1024;

    /// <summary>The versions as SUPPORTED lists them.</summary>
    public static IReadOnlyList<string> VersionNames { get; } = ["3/v3", "4/v4", "5/v5"];

    /// <summary>Whether a version is spoken here.</summary>
    public static bool IsSupported(int version) => version is >= (int)CqlVersion.V3 and <= (int)VersionMax;

    /// <summary>
    /// Why another version is refused. Drivers look for these very words to try a lower one: Python's for "unsupported protocol version",
    /// Node's for "Invalid or unsupported protocol version".
    /// </summary>
    public static string UnsupportedVersion(int version) =>
        $"Invalid or unsupported protocol version ({version}); supported versions are ({string.Join(", ", VersionNames)})";
}
