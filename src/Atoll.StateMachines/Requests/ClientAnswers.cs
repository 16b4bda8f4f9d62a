using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Requests;

/// <summary>What is remembered of one client: its answers by sequence. They come nearly in order, and go from the front.</summary>
internal sealed class ClientAnswers
{
    private RememberedAnswer[] _answers;
    private int _start;

    internal ClientAnswers(ulong epoch)
    {
        Epoch = epoch;
        _answers = new RememberedAnswer[2];
    }

    private ClientAnswers(ClientAnswers original, ulong epoch)
    {
        IsChanged = original.IsChanged;
        Epoch = epoch;
        AnsweredBelow = original.AnsweredBelow;
        LatestIssuedAt = original.LatestIssuedAt;
        Count = original.Count;
        _answers = new RememberedAnswer[Math.Max(2, original.Count)];
        original.All.CopyTo(_answers);
    }

    /// <summary>The table's epoch in which this object was made: an older one means that a snapshot may share it.</summary>
    internal ulong Epoch { get; }

    /// <summary>Requests below this are never applied again.</summary>
    internal ulong AnsweredBelow { get; private set; }

    /// <summary>The latest issue time of any request that was applied: when that is out of the window, so is every retry.</summary>
    internal HybridTime LatestIssuedAt { get; private set; }

    internal int Count { get; private set; }

    /// <summary>True from the first change after the table was last made durable.</summary>
    internal bool IsChanged { get; set; }

    internal ReadOnlySpan<RememberedAnswer> All => _answers.AsSpan(_start, Count);

    internal ClientAnswers Clone(ulong epoch) => new(this, epoch);

    /// <summary>The position of a sequence among the answers, or the complement of where it belongs.</summary>
    internal int Find(ulong sequence)
    {
        var answers = All;
        var low = 0;
        var high = answers.Length - 1;
        while (low <= high)
        {
            // Looked for from the end: that is where new ones belong.
            var middle = high - ((high - low) >> 2);
            if (answers[middle].Sequence == sequence)
            {
                return middle;
            }

            if (answers[middle].Sequence < sequence)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return ~low;
    }

    /// <summary>Forgets the answers below a sequence; returns how many.</summary>
    internal int ForgetBelow(ulong sequence)
    {
        if (sequence <= AnsweredBelow)
        {
            return 0;
        }

        AnsweredBelow = sequence;
        var position = Find(sequence);
        return DropFirst(position >= 0 ? position : ~position);
    }

    /// <summary>Forgets the first answers as long as they were issued before a time; returns how many.</summary>
    internal int ForgetIssuedBefore(HybridTime bound)
    {
        var answers = All;
        var count = 0;
        while (count < answers.Length && answers[count].IssuedAt < bound)
        {
            count++;
        }

        if (count > 0)
        {
            AnsweredBelow = Math.Max(AnsweredBelow, answers[count - 1].Sequence + 1);
        }

        return DropFirst(count);
    }

    /// <summary>Remembers an answer whose sequence has none yet.</summary>
    internal void Add(in RememberedAnswer answer)
    {
        var position = ~Find(answer.Sequence);
        Check.That(position >= 0 && answer.Sequence >= AnsweredBelow);
        if (_start + Count == _answers.Length)
        {
            MakeRoom();
        }

        var tail = _answers.AsSpan(_start + position, Count - position);
        tail.CopyTo(_answers.AsSpan(_start + position + 1));
        _answers[_start + position] = answer;
        Count++;
        LatestIssuedAt = answer.IssuedAt > LatestIssuedAt ? answer.IssuedAt : LatestIssuedAt;
    }

    /// <summary>Takes over what a snapshot says.</summary>
    internal void Restore(ulong answeredBelow, HybridTime latestIssuedAt)
    {
        AnsweredBelow = answeredBelow;
        LatestIssuedAt = latestIssuedAt;
    }

    private int DropFirst(int count)
    {
        _answers.AsSpan(_start, count).Clear();
        _start += count;
        Count -= count;
        if (Count == 0)
        {
            _start = 0;
        }

        return count;
    }

    private void MakeRoom()
    {
        var target = Count > _answers.Length / 2 ? new RememberedAnswer[_answers.Length * 2] : _answers;
        All.CopyTo(target);
        if (ReferenceEquals(target, _answers))
        {
            _answers.AsSpan(Count, _start).Clear();
        }

        _answers = target;
        _start = 0;
    }
}
