using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Services.Tables.Storage;

namespace Atoll.Services.Tables.Execution;

/// <summary>
/// The consistency levels of statements: refused where and as Cassandra refuses them (ConsistencyLevel.java), else as shards take them.
/// Shards of strong tables take no notice.
/// </summary>
internal static class StatementConsistency
{
    /// <summary>Refuses levels that no SELECT can have.</summary>
    public static void CheckRead(CqlConsistency consistency)
    {
        if (consistency == CqlConsistency.Any)
        {
            throw CqlException.Invalid("ANY ConsistencyLevel is only supported for writes");
        }
    }

    /// <summary>Refuses levels that a modification cannot have.</summary>
    /// <param name="plan">The modification.</param>
    /// <param name="options">What came with it.</param>
    /// <param name="isConditional">Whether it, or another one of its batch, has conditions.</param>
    public static void CheckWrite(ModificationPlan plan, StatementOptions options, bool isConditional)
    {
        var consistency = options.Consistency;
        if (isConditional)
        {
            CheckConditional(options);
        }
        else if (plan.IsCounter && consistency == CqlConsistency.Any)
        {
            throw CqlException.Invalid($"Consistency level ANY is not yet supported for counter table {plan.Table.Name}");
        }
        else if (plan.IsCounter && IsSerial(consistency))
        {
            throw CqlException.Invalid("Counter operations are inherently non-serializable");
        }
        else if (IsSerial(consistency))
        {
            throw CqlException.Invalid("You must use conditional updates for serializable writes");
        }
        else if (plan.NeedsRow && consistency == CqlConsistency.Any)
        {
            throw CqlException.Invalid("Write operation require a read but consistency ANY is not supported on reads");
        }
    }

    /// <summary>Whether what Paxos decided is asked for.</summary>
    public static bool IsSerial(CqlConsistency consistency) => consistency is CqlConsistency.Serial or CqlConsistency.LocalSerial;

    /// <summary>How a SELECT, or a modification that must know the row, reads.</summary>
    public static RowCallOptions Read(CqlConsistency consistency) => Of(consistency switch
    {
        CqlConsistency.Serial => new RequestConsistency(ConsistencyLevel.Quorum, SerialLevel.Serial),
        CqlConsistency.LocalSerial => new RequestConsistency(ConsistencyLevel.LocalQuorum, SerialLevel.LocalSerial),
        _ => new RequestConsistency((ConsistencyLevel)(ushort)consistency),
    });

    /// <summary>How a modification without conditions writes.</summary>
    public static RowCallOptions Write(CqlConsistency consistency) => Of(new RequestConsistency((ConsistencyLevel)(ushort)consistency));

    /// <summary>How a conditional modification writes: the level of its commit, and among whom it is decided.</summary>
    public static RowCallOptions Conditional(StatementOptions options) =>
        Of(new RequestConsistency((ConsistencyLevel)(ushort)options.Consistency, (SerialLevel)(ushort)SerialOf(options)));

    /// <summary>Among whom a conditional modification is decided.</summary>
    public static CqlConsistency SerialOf(StatementOptions options) => options.SerialConsistency ?? CqlConsistency.Serial;

    private static void CheckConditional(StatementOptions options)
    {
        if (!IsSerial(SerialOf(options)))
        {
            throw CqlException.Invalid("Invalid consistency for conditional update. Must be one of SERIAL or LOCAL_SERIAL");
        }

        if (IsSerial(options.Consistency))
        {
            throw CqlException.Invalid($"{ClusterErrors.Name(options.Consistency)} is not supported as conditional update commit "
                + "consistency. Use ANY if you mean \"make sure it is accepted but I don't care how many replicas commit it for "
                + "non-SERIAL reads\"");
        }
    }

    private static RowCallOptions Of(RequestConsistency consistency) => new() { Consistency = consistency };
}
