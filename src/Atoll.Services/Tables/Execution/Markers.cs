using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Execution;

/// <summary>The bind markers of a statement, each with the type and name that the place where it stands gives it.</summary>
internal sealed class Markers
{
    private readonly ColumnSpec?[] _specs;
    private readonly IReadOnlyList<BindMarker> _markers;

    public Markers(IReadOnlyList<BindMarker> markers)
    {
        _markers = markers;
        _specs = new ColumnSpec?[markers.Count];
    }

    /// <summary>What the statement says of its markers; all of them must have been met.</summary>
    /// <exception cref="CqlException">One stands where nothing says its type.</exception>
    public IReadOnlyList<ColumnSpec> Specs
    {
        get
        {
            for (var index = 0; index < _specs.Length; index++)
            {
                if (_specs[index] is null)
                {
                    throw CqlException.Invalid(
                        $"Cannot infer type for bind marker {_markers[index].Name ?? "?"} (use a cast with an explicit type)");
                }
            }

            return _specs!;
        }
    }

    /// <summary>The names of the markers that have one, by position.</summary>
    public IReadOnlyList<BindMarker> All => _markers;

    /// <summary>Says what is bound to a marker.</summary>
    public void Set(BindMarker marker, string keyspace, string table, string name, CqlType type) =>
        _specs[marker.Index] = new ColumnSpec(keyspace, table, marker.Name ?? name, type);

    /// <summary>The same of a value for a column.</summary>
    public void Set(BindMarker marker, TableDefinition table, string name, CqlType type) =>
        Set(marker, table.Keyspace, table.Name, name, type);
}
