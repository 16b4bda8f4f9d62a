using Atoll.Foundation.Bytes;
using Atoll.Services.Tables.Roles;

namespace Atoll.Fuzz.Targets;

/// <summary>All roles of a cluster, as the directory keeps them.</summary>
public sealed class RoleSetTarget : CodecTarget
{
    private static readonly Role Reader = new("reader", null, false, true, []);

    /// <inheritdoc />
    public override string Name => "roles";

    /// <inheritdoc />
    public override string About => "RoleSet, in both formats: read or refused; what is read can be written again";

    /// <summary>A role of ten bytes becomes objects of some hundred.</summary>
    public override AllocationBound Allocation => new(512, 1024 * 1024);

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        RoleSet.Empty.Encode(),
        RoleSet.Empty.With(Reader).With(new Role("ada", "$hash", true, false, ["reader"])).Encode(),
        RoleSet.Empty.With(Reader).With(new Role("ada", "$hash", true, false, ["reader"])
        {
            Scram =
            [
                ScramVerifier.Of(ScramMechanism.Sha256, "p", new byte[16], 4_096),
                ScramVerifier.Of(ScramMechanism.Sha512, "p", new byte[16], 4_096),
            ],
        }).Encode(),
    ];

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        var isRead = RoleSet.TryDecode(input, out var roles);
        var hasVerifiers = roles?.All.Any(static role => role.Scram.Length > 0) ?? false;
        outcome = roles is null ? "no roles" : $"{Math.Min(roles.Count, 3)} roles{(hasVerifiers ? " with verifiers" : "")}";
        if (roles is not null)
        {
            again.WriteRaw(roles.Encode());
        }

        return isRead;
    }
}
