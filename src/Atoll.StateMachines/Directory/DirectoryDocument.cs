using Atoll.Foundation;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Directory;

/// <summary>
/// A named, versioned piece of bytes in the directory, which means nothing to it: schemas of tables, say. Every node has them all in its
/// view.
/// </summary>
/// <param name="Name">Like a space's name; unique among documents.</param>
/// <param name="Version">When it was last written, in the directory's time; never the same for two writes.</param>
/// <param name="Value">At most <see cref="Limits.DocumentBytesMax"/> bytes; immutable.</param>
public sealed record DirectoryDocument(string Name, HybridTime Version, ReadOnlyMemory<byte> Value);

/// <summary>A change of one document.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Expected">The version that it must have; <see cref="HybridTime.Zero"/>: there must be none of that name.</param>
/// <param name="Value">What it shall be; null: it goes.</param>
public readonly record struct DocumentChange(string Name, HybridTime Expected, ReadOnlyMemory<byte>? Value);
