using Atoll.StateMachines.Records;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// Commands of one replica that were checked before they were proposed, taken apart, until they are applied: mostly soon after. They are
/// known by where their bytes are, which nobody changes any more. What was checked and never applied is forgotten when there is too much.
/// </summary>
public sealed class CheckedCommands
{
    private const int CountMax = 1024;
    private const long BytesMax = 4 * 1024 * 1024;

    private readonly Dictionary<ReadOnlyMemory<byte>, ParsedEventual> _parsed = [];
    private long _bytes;

    /// <summary>As <see cref="EventualCommand.Validate"/>; what is good is remembered.</summary>
    public CommandFault Check(ReadOnlyMemory<byte> command, ulong hashLow, ulong hashHigh, in RecordLimits limits)
    {
        if (!ParsedEventual.TryReadChange(command, out var parsed))
        {
            return EventualCommand.Validate(command, hashLow, hashHigh, limits);
        }

        var fault = EventualCommand.ValidateStep(parsed, hashLow, hashHigh, limits);
        if (fault.IsNone)
        {
            if (_parsed.Count >= CountMax || _bytes > BytesMax)
            {
                _parsed.Clear();
                _bytes = 0;
            }

            _bytes += _parsed.TryAdd(command, parsed) ? command.Length : 0;
        }

        return fault;
    }

    /// <summary>The command, if it was checked; it is forgotten.</summary>
    internal ParsedEventual? Take(ReadOnlyMemory<byte> command)
    {
        if (!_parsed.Remove(command, out var parsed))
        {
            return null;
        }

        _bytes -= command.Length;
        return parsed;
    }
}
