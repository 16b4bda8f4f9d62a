using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Atoll.Foundation.Time;
using Atoll.Live.Disks;
using Atoll.StateMachines.Records;

namespace Atoll.Backups;

/// <summary>
/// What a backup consists of: <c>backup.json</c> in its folder, written last. Numbers of 64 bits are 16 hexadecimal digits, keys base64.
/// The first property is the SHA-256 of the file with 64 zeros in that place.
/// </summary>
public sealed record BackupManifest
{
    /// <summary>The format that this program writes, and the only one that it reads.</summary>
    public const int CurrentFormat = 1;

    /// <summary>The manifest of a backup that is complete.</summary>
    public const string FileName = "backup.json";

    /// <summary>What a backup under way has so far: gone once it is complete.</summary>
    public const string PartialFileName = "backup.partial.json";

    private const string NoChecksum = "0000000000000000000000000000000000000000000000000000000000000000";

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // it is a file, and never part of a page
        WriteIndented = true,
        IndentSize = 1,
    };

    /// <summary>SHA-256 of the file, with zeros in the place of these digits.</summary>
    [JsonPropertyOrder(-2)]
    public string Sha256 { get; init; } = NoChecksum;

    /// <summary>The layout of the folder.</summary>
    [JsonPropertyOrder(-1)]
    public int Format { get; init; } = CurrentFormat;

    /// <summary>The cluster that it was taken of.</summary>
    public string Cluster { get; init; } = "";

    /// <summary>The time that everything in it is of, in the cluster's hybrid time.</summary>
    public string Time { get; init; } = Hex(0);

    /// <summary>The same for people: UTC.</summary>
    public string AsOf { get; init; } = "";

    /// <summary>When it was completed, by the clock of the machine that did it: UTC.</summary>
    public string MadeAt { get; init; } = "";

    /// <summary>The program and its version.</summary>
    public string MadeBy { get; init; } = "";

    /// <summary>The folder of the backup that this one is based on, seen from its own folder; null when it stands alone.</summary>
    public string? Base { get; init; }

    /// <summary>The spaces, by name.</summary>
    public IReadOnlyList<BackupSpace> Spaces { get; init; } = [];

    /// <summary>The segments: by space, hash and key; those of a shard cover all its keys without gap.</summary>
    public IReadOnlyList<BackupSegment> Segments { get; init; } = [];

    /// <summary>64 bits as text.</summary>
    public static string Hex(ulong value) => value.ToString("x16", CultureInfo.InvariantCulture);

    /// <summary>The manifest's bytes.</summary>
    public byte[] ToBytes()
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(this with { Sha256 = NoChecksum }, Json);
        Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(bytes))).CopyTo(bytes, PlaceOfChecksum(bytes));
        return bytes;
    }

    /// <summary>Writes it, durably and at once.</summary>
    public void Save(string path) => DurableFile.Write(path, ToBytes());

    /// <summary>Reads a manifest.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="bytes">Its bytes.</param>
    /// <exception cref="BackupException">It is none, is damaged, or of another format.</exception>
    public static BackupManifest Parse(string path, ReadOnlySpan<byte> bytes)
    {
        try
        {
            var place = PlaceOfChecksum(bytes);
            var plain = bytes.ToArray();
            Encoding.ASCII.GetBytes(NoChecksum).CopyTo(plain, place);
            var manifest = JsonSerializer.Deserialize<BackupManifest>(bytes, Json);
            if (manifest is { Format: not CurrentFormat })
            {
                throw new BackupException($"{path} has format {manifest.Format}; this program reads format {CurrentFormat}");
            }

            if (manifest is null || manifest.Sha256 != Convert.ToHexStringLower(SHA256.HashData(plain)))
            {
                throw new BackupException($"{path} is damaged: its checksum is wrong");
            }

            manifest.Check(path);
            return manifest;
        }
        catch (Exception error) when (error is JsonException or ArgumentOutOfRangeException or ArgumentException or FormatException)
        {
            throw new BackupException($"{path} is not the manifest of a backup: {error.Message}", error);
        }
    }

    /// <summary>The manifest in a folder; null when there is none.</summary>
    /// <exception cref="BackupException">It cannot be read.</exception>
    public static BackupManifest? Load(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        try
        {
            return File.Exists(path) ? Parse(path, File.ReadAllBytes(path)) : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new BackupException($"{path} cannot be read: {error.Message}", error);
        }
    }

    private static int PlaceOfChecksum(ReadOnlySpan<byte> bytes)
    {
        var name = bytes.IndexOf("\"sha256\": \""u8);
        return name is >= 0 and < 16 && bytes.Length >= name + 11 + NoChecksum.Length
            ? name + 11
            : throw new FormatException("it does not begin with its checksum");
    }

    private void Check(string path)
    {
        foreach (var segment in Segments)
        {
            // Names are of a file in the folder of segments, and of nothing else.
            if (segment.File is { } file && (file.Length == 0 || file != Path.GetFileName(file) || segment.Sha256 is null))
            {
                throw new BackupException($"{path}: \"{file}\" is not the name of a segment");
            }

            if (segment.File is null && segment.Records != 0)
            {
                throw new BackupException($"{path}: a segment of {segment.Records} records has no file");
            }

            if (!Spaces.Any(space => space.Name == segment.Space))
            {
                throw new BackupException($"{path}: a segment is of a space \"{segment.Space}\" that it does not list");
            }

            _ = (segment.Digest, segment.Low, segment.High, segment.FromKey, segment.ToKey);
        }
    }
}

/// <summary>A space in a backup.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Replication">What it survives.</param>
/// <param name="Replicas">Copies of each shard.</param>
/// <param name="Partitioning">How its keys are cut.</param>
/// <param name="Shards">Into how many.</param>
/// <param name="Created">When it was created, in the cluster's time.</param>
/// <param name="Records">Records in it.</param>
/// <param name="Bytes">Bytes of their keys and values.</param>
/// <param name="Expiring">Records with a time to live.</param>
/// <param name="Contents">The hash over keys and values of those without.</param>
public sealed record BackupSpace(
    string Name, string Replication, int Replicas, string Partitioning, int Shards, string Created, long Records, long Bytes,
    long Expiring, string Contents);

/// <summary>The records of a range of keys of one shard.</summary>
/// <param name="Space">The space's name.</param>
/// <param name="HashLow">The shard's lowest key hash.</param>
/// <param name="HashHigh">Its highest.</param>
/// <param name="From">The range's first key, base64.</param>
/// <param name="To">The key behind the range, base64; empty: to the last.</param>
/// <param name="Records">Records.</param>
/// <param name="Bytes">Bytes of their keys and values.</param>
/// <param name="Expiring">Records with a time to live.</param>
/// <param name="Versions">The hash over keys and versions.</param>
/// <param name="Contents">The hash over keys and values of records without a time to live.</param>
/// <param name="Folder">The folder of the backup that the file is in, seen from this one; null: this one.</param>
/// <param name="File">The file's name in that folder's <c>segments</c>; null when there are no records.</param>
/// <param name="FileBytes">Its length.</param>
/// <param name="Sha256">Its SHA-256.</param>
public sealed record BackupSegment(
    string Space, string HashLow, string HashHigh, string From, string To, long Records, long Bytes, long Expiring, string Versions,
    string Contents, string? Folder, string? File, long FileBytes, string? Sha256)
{
    /// <summary>The sums over its records.</summary>
    [JsonIgnore]
    public RecordsDigest Digest => new(Records, Bytes, Expiring, Number(Versions), Number(Contents));

    /// <summary>The shard's lowest key hash.</summary>
    [JsonIgnore]
    public ulong Low => Number(HashLow);

    /// <summary>The shard's highest key hash.</summary>
    [JsonIgnore]
    public ulong High => Number(HashHigh);

    /// <summary>The range's first key.</summary>
    [JsonIgnore]
    public byte[] FromKey => Convert.FromBase64String(From);

    /// <summary>The key behind the range; empty: to the last.</summary>
    [JsonIgnore]
    public byte[] ToKey => Convert.FromBase64String(To);

    /// <summary>Where its file is, seen from the folder of the backup that lists it.</summary>
    public string PathIn(string folder) => Path.Combine(folder, Folder ?? "", BackupFolder.Segments, File ?? "");

    internal static ulong Number(string hex) => ulong.Parse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
