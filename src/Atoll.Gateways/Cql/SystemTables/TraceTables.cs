using Atoll.Gateways.Cql.Statements;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Roles;
using Atoll.Services.Tables.Types;

namespace Atoll.Gateways.Cql.SystemTables;

/// <summary>Keyspaces "system_traces" (of the statements that came to this node) and "system_auth".</summary>
internal static class TraceTables
{
    public static IEnumerable<IVirtualTable> All(StatementTraces traces)
    {
        yield return new SystemTable(
            "system_traces", "sessions",
            [
                ("session_id", CqlTypes.Uuid), ("client", CqlTypes.Inet), ("command", CqlTypes.Text), ("coordinator", CqlTypes.Inet),
                ("coordinator_port", CqlTypes.Int), ("duration", CqlTypes.Int),
                ("parameters", new MapType(CqlTypes.Text, CqlTypes.Text, true)), ("request", CqlTypes.Text),
                ("started_at", CqlTypes.Timestamp),
            ],
            1, 0, () => traces.All().Select(trace => SystemRow.Of(
                ("session_id", SystemValues.Uuid(trace.Id)), ("client", SystemValues.Inet(trace.Client)),
                ("command", SystemValues.Text("QUERY")), ("coordinator", SystemValues.Inet(trace.Coordinator.Address)),
                ("coordinator_port", SystemValues.Int(trace.Coordinator.Port)),
                ("duration", SystemValues.Int(Micros(trace.Duration))), ("parameters", SystemValues.TextMap(trace.Parameters)),
                ("request", SystemValues.Text(trace.Request)), ("started_at", SystemValues.Timestamp(trace.StartedAt)))));
        yield return new SystemTable(
            "system_traces", "events",
            [
                ("session_id", CqlTypes.Uuid), ("event_id", CqlTypes.Timeuuid), ("activity", CqlTypes.Text), ("source", CqlTypes.Inet),
                ("source_elapsed", CqlTypes.Int), ("source_port", CqlTypes.Int), ("thread", CqlTypes.Text),
            ],
            1, 1, () => traces.All().Select(trace => SystemRow.Of(
                ("session_id", SystemValues.Uuid(trace.Id)), ("event_id", SystemValues.Uuid(trace.Id)),
                ("activity", SystemValues.Text(trace.Outcome)), ("source", SystemValues.Inet(trace.Coordinator.Address)),
                ("source_elapsed", SystemValues.Int(Micros(trace.Duration))), ("source_port", SystemValues.Int(trace.Coordinator.Port)),
                ("thread", SystemValues.Text("gateway")))));
    }

    /// <summary>The roles, without what is kept of their passwords: tools read it.</summary>
    public static IVirtualTable Roles(RoleCatalog roles) => new SystemTable(
        "system_auth", "roles",
        [
            ("role", CqlTypes.Text), ("can_login", CqlTypes.Boolean), ("is_superuser", CqlTypes.Boolean),
            ("member_of", new SetType(CqlTypes.Text, true)), ("salted_hash", CqlTypes.Text),
        ],
        1, 0, () => roles.Known.All.Select(role => SystemRow.Of(
            ("role", SystemValues.Text(role.Name)), ("can_login", SystemValues.Boolean(role.CanLogin)),
            ("is_superuser", SystemValues.Boolean(role.IsSuperuser)), ("member_of", SystemValues.TextSet(role.MemberOf)))));

    private static int Micros(TimeSpan time) => (int)Math.Clamp(time.TotalMicroseconds, 0, int.MaxValue);
}
