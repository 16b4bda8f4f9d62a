using Atoll.Foundation;

namespace Atoll.StateMachines.Records;

/// <summary>Bounds of keys and values that an operator chose; checked before a command is proposed, never when it is applied.</summary>
/// <param name="KeyBytesMax">Longest key in bytes, at most <see cref="Limits.KeyBytesMax"/>.</param>
/// <param name="ValueBytesMax">Longest value in bytes, at most <see cref="Limits.ValueBytesMax"/>.</param>
public readonly record struct RecordLimits(int KeyBytesMax, int ValueBytesMax)
{
    /// <summary>The bounds of a space that chose none.</summary>
    public static readonly RecordLimits Default = new(Limits.KeyBytesDefault, Limits.ValueBytesDefault);
}
