using System.Globalization;
using System.Text;
using Atoll.Services.Errors;
using Atoll.Services.Records;

namespace Atoll.Benchmarks;

/// <summary>What callers do.</summary>
public enum LoadKind
{
    /// <summary>Only writes.</summary>
    Put,

    /// <summary>Only linearizable reads.</summary>
    Get,

    /// <summary>95 reads for 5 writes.</summary>
    Mix,

    /// <summary>Linearizable scans of 100 records from a random key on.</summary>
    Scan,
}

/// <summary>
/// Callers that each wait for one answer before they ask again (closed loop), multiplexed over the client's connections as in any
/// program that uses it.
/// </summary>
internal sealed class RecordsLoad
{
    private readonly IRecords _records;
    private const int ScannedRows = 100;

    private readonly int _keys;
    private readonly byte[] _value;

    public RecordsLoad(IRecords records, int keys, int valueBytes)
    {
        _records = records;
        _keys = keys;
        _value = new byte[valueBytes];
        new Random(1).NextBytes(_value);
    }

    /// <summary>Writes every key once, in no order, so that stores have to sort them.</summary>
    /// <param name="servers">The nodes whose use is measured.</param>
    /// <param name="progress">Told now and then how many were written.</param>
    /// <param name="cancellation">Stops it.</param>
    public Task<LoadResult> FillAsync(MeasuredServers servers, Action<long> progress, CancellationToken cancellation)
    {
        const int clients = 256;
        var step = FillOrder.Step(_keys);
        return LoadMeter.FillAsync(
            clients, _keys,
            async (_, i) => await _records.PutAsync(Key((int)(i * step % _keys)), _value, default, cancellation).ConfigureAwait(false),
            servers, progress);
    }

    private static byte[] Key(int number) =>
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"key-{number:0000000000}"));

    /// <summary>Runs so many callers for so long.</summary>
    public Task<LoadResult> RunAsync(
        LoadKind kind, int clients, TimeSpan warmUp, TimeSpan duration, MeasuredServers servers, CancellationToken cancellation) =>
        LoadMeter.RunAsync(
            kind.ToString().ToLowerInvariant(), [.. Enumerable.Range(0, clients).Select(number => Caller(kind, number))], warmUp, duration,
            servers, null, cancellation);

    private Func<ValueTask<bool>> Caller(LoadKind kind, int number)
    {
        var random = new Random(number);
        return () => CallAsync(kind, random);
    }

    private async ValueTask<bool> CallAsync(LoadKind kind, Random random)
    {
        var key = Key(random.Next(_keys));
        try
        {
            if (kind == LoadKind.Put || (kind == LoadKind.Mix && random.Next(100) < 5))
            {
                await _records.PutAsync(key, _value).ConfigureAwait(false);
            }
            else if (kind == LoadKind.Scan)
            {
                await ScanAsync(key).ConfigureAwait(false);
            }
            else
            {
                await _records.GetAsync(key).ConfigureAwait(false);
            }

            return true;
        }
        catch (AtollException)
        {
            return false;
        }
    }

    private async Task ScanAsync(byte[] from)
    {
        await foreach (var _ in _records.ScanAsync(new ScanRange { From = from, Limit = ScannedRows }).ConfigureAwait(false))
        {
            // Only the time counts.
        }
    }
}
