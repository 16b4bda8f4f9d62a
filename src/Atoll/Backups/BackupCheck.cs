using System.Security.Cryptography;
using Atoll.StateMachines.Records;

namespace Atoll.Backups;

/// <summary>Reads the segments of a backup, and believes nothing of them that was not compared.</summary>
public sealed class BackupCheck
{
    private const int ProblemsNamedMax = 20;

    private readonly string _folder;
    private long _bytes;

    /// <summary>A reader of the segments that a manifest lists.</summary>
    /// <param name="folder">The folder of the manifest.</param>
    /// <param name="manifest">The manifest.</param>
    public BackupCheck(string folder, BackupManifest manifest)
    {
        _folder = folder;
        Manifest = manifest;
    }

    /// <summary>The manifest.</summary>
    public BackupManifest Manifest { get; }

    /// <summary>Bytes of files compared so far.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Reads all of some segments and compares them with what the manifest says.</summary>
    /// <exception cref="BackupException">Some are missing or damaged; the message names them.</exception>
    public async Task RunAsync(IEnumerable<BackupSegment> segments, int parallel, CancellationToken cancellation)
    {
        var problems = new List<string>();
        await Parallel.ForEachAsync(
            segments.Where(segment => segment.File is not null),
            new ParallelOptions { MaxDegreeOfParallelism = parallel, CancellationToken = cancellation },
            (segment, _) =>
            {
                try
                {
                    Read(segment);
                }
                catch (BackupException error)
                {
                    lock (problems)
                    {
                        problems.Add(error.Message);
                    }
                }

                return ValueTask.CompletedTask;
            }).ConfigureAwait(false);
        if (problems.Count > 0)
        {
            problems.Sort(StringComparer.Ordinal);
            var more = problems.Count > ProblemsNamedMax ? $"; and {problems.Count - ProblemsNamedMax} more" : "";
            throw new BackupException(string.Join("; ", problems.Take(ProblemsNamedMax)) + more);
        }
    }

    /// <summary>Reads one segment.</summary>
    /// <exception cref="BackupException">It is missing or damaged; the message names it.</exception>
    public IReadOnlyList<ScanRow> Read(BackupSegment segment)
    {
        if (segment.File is null)
        {
            return [];
        }

        var path = Path.GetFullPath(segment.PathIn(_folder));
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            var basis = Path.GetFullPath(Path.Combine(_folder, segment.Folder ?? ""));
            throw new BackupException(
                segment.Folder is null ? $"{path} is missing"
                : Directory.Exists(basis) ? $"{path} is missing: the backup in {_folder} refers to it"
                : $"the base {basis} is missing: the backup in {_folder} refers to segments there",
                error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new BackupException($"{path} cannot be read: {error.Message}", error);
        }

        Interlocked.Add(ref _bytes, bytes.Length);
        if (bytes.Length != segment.FileBytes || Convert.ToHexStringLower(SHA256.HashData(bytes)) != segment.Sha256)
        {
            throw new BackupException($"{path} is damaged: {SegmentFile.TryDecode(bytes, out _) ?? "it is another segment"}");
        }

        if (SegmentFile.TryDecode(bytes, out var rows) is { } why)
        {
            throw new BackupException($"{path} is damaged: {why}");
        }

        var sums = rows.Aggregate(
            default(RecordsDigest), (sum, row) => sum.With(row.Key.Span, row.Version, row.ExpiresAt, row.Value));
        return sums == segment.Digest ? rows : throw new BackupException($"{path} does not hold what {BackupManifest.FileName} says");
    }
}
