using System.Runtime.InteropServices;
using System.Text;

namespace Atoll.StoreBench;

/// <summary>
/// RocksDB (librocksdb, as Debian has it) with the same bounds: memtable, cache for all kinds of blocks, filter, files, levels; no
/// compression; no write-ahead log, as Atoll's is not the store's either. Merges run on its own threads.
/// </summary>
internal sealed unsafe class RocksStore : IBenchStore
{
    private const string Library = "rocksdb";

    private readonly string _root;
    private readonly nint _options;
    private readonly nint _read = rocksdb_readoptions_create();
    private readonly nint _write = rocksdb_writeoptions_create();
    private nint _db;
    private long _bytesSeen;

    public RocksStore(string root, long cacheBytes)
    {
        _root = root;
        _options = rocksdb_options_create();
        rocksdb_options_set_create_if_missing(_options, 1);
        rocksdb_options_set_write_buffer_size(_options, 32 << 20);
        rocksdb_options_set_target_file_size_base(_options, 16 << 20);
        rocksdb_options_set_max_bytes_for_level_base(_options, 128 << 20);
        rocksdb_options_set_compression(_options, 0);
        var table = rocksdb_block_based_options_create();
        rocksdb_block_based_options_set_block_cache(table, rocksdb_cache_create_lru((nuint)cacheBytes));
        rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom(10));
        rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
        rocksdb_options_set_block_based_table_factory(_options, table);
        rocksdb_writeoptions_disable_WAL(_write, 1);
        Reopen();
    }

    public string Name => "rocksdb";

    public void Put(ReadOnlySpan<byte> key, byte[] value)
    {
        byte* error = null;
        fixed (byte* k = key, v = value)
        {
            rocksdb_put(_db, _write, k, (nuint)key.Length, v, (nuint)value.Length, &error);
        }

        Check(error);
    }

    public bool Get(byte[] key)
    {
        byte* error = null;
        nint slice;
        fixed (byte* k = key)
        {
            slice = rocksdb_get_pinned(_db, _read, k, (nuint)key.Length, &error);
        }

        Check(error);
        if (slice == 0)
        {
            return false;
        }

        rocksdb_pinnableslice_destroy(slice);
        return true;
    }

    public long Scan(byte[] from, int rows)
    {
        var iterator = rocksdb_create_iterator(_db, _read);
        fixed (byte* k = from)
        {
            rocksdb_iter_seek(iterator, k, (nuint)from.Length);
        }

        long scanned = 0;
        for (; scanned < rows && rocksdb_iter_valid(iterator) != 0; scanned++)
        {
            nuint keyBytes, valueBytes;
            rocksdb_iter_key(iterator, &keyBytes);
            rocksdb_iter_value(iterator, &valueBytes);
            _bytesSeen += (long)(keyBytes + valueBytes);
            rocksdb_iter_next(iterator);
        }

        rocksdb_iter_destroy(iterator);
        return scanned;
    }

    public void Flush()
    {
        byte* error = null;
        var flush = rocksdb_flushoptions_create();
        rocksdb_flush(_db, flush, &error);
        Check(error);
    }

    public void Settle()
    {
        Flush();
        while (Property("rocksdb.num-running-compactions") + Property("rocksdb.compaction-pending") > 0)
        {
            Thread.Sleep(1);
        }
    }

    public void Reopen()
    {
        if (_db != 0)
        {
            rocksdb_close(_db);
        }

        byte* error = null;
        _db = rocksdb_open(_options, _root, &error);
        Check(error);
    }

    public string Notes()
    {
        var files = Enumerable.Range(0, 7).Select(level => Text($"rocksdb.num-files-at-level{level}"));
        return $"levels {string.Join('/', files)}";
    }

    public void Dispose() => rocksdb_close(_db);

    private static void Check(byte* error)
    {
        if (error != null)
        {
            throw new InvalidOperationException(Marshal.PtrToStringUTF8((nint)error));
        }
    }

    private string Text(string name)
    {
        fixed (byte* n = Encoding.UTF8.GetBytes(name + "\0"))
        {
            var value = rocksdb_property_value(_db, n);
            var text = Marshal.PtrToStringUTF8((nint)value) ?? "";
            rocksdb_free(value);
            return text;
        }
    }

    private ulong Property(string name)
    {
        ulong value = 0;
        fixed (byte* n = Encoding.UTF8.GetBytes(name + "\0"))
        {
            _ = rocksdb_property_int(_db, n, &value);
        }

        return value;
    }

    [DllImport(Library)]
    private static extern nint rocksdb_options_create();

    [DllImport(Library)]
    private static extern void rocksdb_options_set_create_if_missing(nint options, byte value);

    [DllImport(Library)]
    private static extern void rocksdb_options_set_write_buffer_size(nint options, nuint value);

    [DllImport(Library)]
    private static extern void rocksdb_options_set_target_file_size_base(nint options, ulong value);

    [DllImport(Library)]
    private static extern void rocksdb_options_set_max_bytes_for_level_base(nint options, ulong value);

    [DllImport(Library)]
    private static extern void rocksdb_options_set_compression(nint options, int value);

    [DllImport(Library)]
    private static extern void rocksdb_options_set_block_based_table_factory(nint options, nint table);

    [DllImport(Library)]
    private static extern nint rocksdb_block_based_options_create();

    [DllImport(Library)]
    private static extern void rocksdb_block_based_options_set_block_cache(nint table, nint cache);

    [DllImport(Library)]
    private static extern void rocksdb_block_based_options_set_filter_policy(nint table, nint policy);

    [DllImport(Library)]
    private static extern void rocksdb_block_based_options_set_cache_index_and_filter_blocks(nint table, byte value);

    [DllImport(Library)]
    private static extern nint rocksdb_cache_create_lru(nuint bytes);

    [DllImport(Library)]
    private static extern nint rocksdb_filterpolicy_create_bloom(double bitsPerKey);

    [DllImport(Library)]
    private static extern nint rocksdb_readoptions_create();

    [DllImport(Library)]
    private static extern nint rocksdb_writeoptions_create();

    [DllImport(Library)]
    private static extern void rocksdb_writeoptions_disable_WAL(nint options, int value);

    [DllImport(Library)]
    private static extern nint rocksdb_flushoptions_create();

    [DllImport(Library)]
    private static extern nint rocksdb_open(nint options, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, byte** error);

    [DllImport(Library)]
    private static extern void rocksdb_close(nint db);

    [DllImport(Library)]
    private static extern void rocksdb_put(nint db, nint options, byte* key, nuint keyBytes, byte* value, nuint valueBytes, byte** error);

    [DllImport(Library)]
    private static extern nint rocksdb_get_pinned(nint db, nint options, byte* key, nuint keyBytes, byte** error);

    [DllImport(Library)]
    private static extern void rocksdb_pinnableslice_destroy(nint slice);

    [DllImport(Library)]
    private static extern nint rocksdb_create_iterator(nint db, nint options);

    [DllImport(Library)]
    private static extern void rocksdb_iter_seek(nint iterator, byte* key, nuint keyBytes);

    [DllImport(Library)]
    [SuppressGCTransition]
    private static extern byte rocksdb_iter_valid(nint iterator);

    [DllImport(Library)]
    [SuppressGCTransition]
    private static extern byte* rocksdb_iter_key(nint iterator, nuint* bytes);

    [DllImport(Library)]
    [SuppressGCTransition]
    private static extern byte* rocksdb_iter_value(nint iterator, nuint* bytes);

    [DllImport(Library)]
    private static extern void rocksdb_iter_next(nint iterator);

    [DllImport(Library)]
    private static extern void rocksdb_iter_destroy(nint iterator);

    [DllImport(Library)]
    private static extern void rocksdb_flush(nint db, nint options, byte** error);

    [DllImport(Library)]
    private static extern byte* rocksdb_property_value(nint db, byte* name);

    [DllImport(Library)]
    private static extern void rocksdb_free(void* memory);

    [DllImport(Library)]
    private static extern int rocksdb_property_int(nint db, byte* name, ulong* value);
}
