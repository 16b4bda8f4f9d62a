namespace Atoll.Services.Tables.Schema;

/// <summary>The properties of CREATE TABLE and ALTER TABLE as options.</summary>
internal static class TableOptionsReader
{
    private const int TimeToLiveSecondsMax = 20 * 365 * 24 * 60 * 60;

    /// <summary>The options with those that are named replaced.</summary>
    /// <exception cref="CqlException">One is unknown, or its value is wrong.</exception>
    public static TableOptions Read(PropertyReader properties, TableOptions options)
    {
        var changed = options with
        {
            Comment = properties.Text("comment") ?? options.Comment,
            DefaultTimeToLiveSeconds = properties.Integer("default_time_to_live", 0) ?? options.DefaultTimeToLiveSeconds,
            GcGraceSeconds = properties.Integer("gc_grace_seconds", 0) ?? options.GcGraceSeconds,
            BloomFilterFalsePositiveChance = properties.Number("bloom_filter_fp_chance") ?? options.BloomFilterFalsePositiveChance,
            CrcCheckChance = properties.Number("crc_check_chance") ?? options.CrcCheckChance,
            MinIndexInterval = properties.Integer("min_index_interval", 1) ?? options.MinIndexInterval,
            MaxIndexInterval = properties.Integer("max_index_interval", 1) ?? options.MaxIndexInterval,
            MemtableFlushPeriodMs = properties.Integer("memtable_flush_period_in_ms", 0) ?? options.MemtableFlushPeriodMs,
            SpeculativeRetry = properties.Text("speculative_retry") ?? options.SpeculativeRetry,
            AdditionalWritePolicy = properties.Text("additional_write_policy") ?? options.AdditionalWritePolicy,
            ReadRepair = properties.Text("read_repair")?.ToUpperInvariant() ?? options.ReadRepair,
            Cdc = properties.Boolean("cdc") ?? options.Cdc,
            Caching = properties.Map("caching") ?? options.Caching,
            Compaction = properties.Map("compaction") ?? options.Compaction,
            Compression = properties.Map("compression") ?? options.Compression,
        };

        // Options of versions that drivers and tools still name, without any effect there either.
        properties.Number("read_repair_chance");
        properties.Number("dclocal_read_repair_chance");
        properties.Map("extensions");
        properties.End();
        if (changed.DefaultTimeToLiveSeconds > TimeToLiveSecondsMax)
        {
            throw CqlException.Configuration(
                $"default_time_to_live must be less than or equal to {TimeToLiveSecondsMax} (got {changed.DefaultTimeToLiveSeconds})");
        }

        if (changed.BloomFilterFalsePositiveChance is not (> 0 and <= 1))
        {
            throw CqlException.Configuration(
                "bloom_filter_fp_chance must be larger than 0.0 and less than or equal to 1.0 "
                + $"(got {changed.BloomFilterFalsePositiveChance})");
        }

        if (changed.CrcCheckChance is not (>= 0 and <= 1))
        {
            throw CqlException.Configuration(
                $"crc_check_chance must be larger than or equal to 0 and smaller than or equal to 1.0 (got {changed.CrcCheckChance})");
        }

        if (changed.MaxIndexInterval < changed.MinIndexInterval)
        {
            throw CqlException.Configuration(
                $"max_index_interval must be greater than or equal to min_index_interval ({changed.MinIndexInterval}) "
                + $"(got {changed.MaxIndexInterval})");
        }

        return changed;
    }
}
