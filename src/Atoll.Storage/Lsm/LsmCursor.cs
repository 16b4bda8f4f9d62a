using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Storage.Sorted;

namespace Atoll.Storage.Lsm;

/// <summary>
/// A cursor over what a snapshot sees: of each key the newest version that is not newer than the snapshot, unless that says "gone" or a
/// range that was deleted later covers it.
/// </summary>
internal sealed class LsmCursor : ISortedCursor
{
    private readonly LsmSnapshot _snapshot;
    private readonly bool _ownsSnapshot;
    private readonly bool _withValues;
    private readonly EntryCursor _entries;
    private readonly byte[] _prefix;
    private byte[] _target = new byte[128];
    private byte[] _key = new byte[128];
    private int _keyLength;
    private byte[]? _keyCopy;
    private ulong _version;
    private ulong _expiresAt;
    private EntryKind _kind;
    private ReadOnlyMemory<byte> _value;
    private bool _hasValue;
    private ValuePointer _pointer;
    private MissingValue? _missingValue;
    private StoreFault? _valueFault;
    private bool _forward = true;

    // So many versions of a key are passed over one by one; then a seek is cheaper, however many there are.
    private const int PassedMax = 8;

    // Forward: entries of the current key are passed over. Backward: the current key is one whose versions are being gone through.
    private bool _isWithinKey;
    private int _passed;
    private CursorState _state;

    public LsmCursor(LsmSnapshot snapshot, bool ownsSnapshot, bool withValues = true)
    {
        _withValues = withValues;
        _snapshot = snapshot;
        _ownsSnapshot = ownsSnapshot;
        _entries = snapshot.OpenEntries();
        _prefix = snapshot.Prefix;
    }

    public bool IsValid => _state == CursorState.On;

    public bool IsWaiting => _state == CursorState.Waiting;

    public StoreFault? Fault => _state == CursorState.Failed ? _valueFault ?? _entries.Fault : null;

    public ReadOnlyMemory<byte> Key => _keyCopy ??= KeySpan.ToArray();

    public ReadOnlySpan<byte> KeySpan
    {
        get
        {
            Check.That(IsValid);
            return _key.AsSpan(_prefix.Length, _keyLength - _prefix.Length);
        }
    }

    public StoredRecord Record
    {
        get
        {
            Check.That(IsValid);
            var (version, expiresAt) = (new HybridTime(_version), new HybridTime(_expiresAt));
            if (_kind == EntryKind.Apart)
            {
                return StoredRecord.HeadOf(version, expiresAt, _pointer.LengthBytes);
            }

            if (!_hasValue)
            {
                // On the way forward the entry is still the one that was taken.
                _value = _entries.Value;
                _hasValue = true;
            }

            return new StoredRecord(version, expiresAt, _value);
        }
    }

    public StoredRecord Head
    {
        get
        {
            Check.That(IsValid);
            var lengthBytes = _kind == EntryKind.Apart ? _pointer.LengthBytes : ValueSpan.Length;
            var (version, expiresAt) = (new HybridTime(_version), new HybridTime(_expiresAt));
            return lengthBytes == 0 ? new StoredRecord(version, expiresAt, default) : StoredRecord.HeadOf(version, expiresAt, lengthBytes);
        }
    }

    public ReadOnlySpan<byte> ValueSpan
    {
        get
        {
            // On the way forward the entry is still the one that was taken. Of a value that is kept apart only the head was asked for.
            Check.That(IsValid);
            return _kind == EntryKind.Apart ? default : _hasValue ? _value.Span : _entries.ValueSpan;
        }
    }

    public bool SeekFirst() => Forward(_prefix, ulong.MaxValue);

    public bool SeekLast() => Backward(_snapshot.End);

    public bool SeekAtOrAfter(ReadOnlyMemory<byte> key) => Forward(Target(key.Span, isSuccessor: false), ulong.MaxValue);

    public bool SeekAfter(ReadOnlyMemory<byte> key) => Forward(Target(key.Span, isSuccessor: true), ulong.MaxValue);

    public bool SeekAtOrBefore(ReadOnlyMemory<byte> key) => Backward(Target(key.Span, isSuccessor: true));

    public bool SeekBefore(ReadOnlyMemory<byte> key) => Backward(Target(key.Span, isSuccessor: false));

    public bool Next()
    {
        Check.That(IsValid);
        return _forward ? GoOn() : Forward(Target(KeySpan, isSuccessor: true), ulong.MaxValue);
    }

    public bool Previous()
    {
        Check.That(IsValid);
        return _forward ? Backward(Target(KeySpan, isSuccessor: false)) : GoOn();
    }

    public bool Load(Action ready)
    {
        if (_state != CursorState.Waiting)
        {
            return true;
        }

        LoadOnce(ready);
        return false;
    }

    public void Dispose()
    {
        _state = CursorState.Nowhere;
        _entries.Leave();
        if (_ownsSnapshot)
        {
            _snapshot.Dispose();
        }
    }

    private void LoadOnce(Action ready)
    {
        if (_missingValue is { } missing)
        {
            LoadValue(missing, ready);
            return;
        }

        _entries.Complete(() =>
        {
            GoOn();
            if (_state == CursorState.Waiting)
            {
                LoadOnce(ready);
            }
            else
            {
                ready();
            }
        });
    }

    private void LoadValue(MissingValue missing, Action ready) => _snapshot.Values.Load(missing, (value, fault) =>
    {
        _missingValue = null;
        _valueFault = fault;
        _state = fault is null ? CursorState.On : CursorState.Failed;
        (_kind, _value, _hasValue) = (EntryKind.Put, value, true);
        ready();
    });

    private bool Forward(ReadOnlySpan<byte> target, ulong version)
    {
        _forward = true;
        _isWithinKey = false;
        _entries.SeekAtOrAfter(target, version);
        return GoOn();
    }

    private bool Backward(ReadOnlySpan<byte> target)
    {
        _forward = false;
        _isWithinKey = false;
        _entries.SeekBefore(target);
        return GoOn();
    }

    private bool GoOn()
    {
        _state = _forward ? FindNext() : FindPrevious();
        _missingValue = null;
        _valueFault = null;
        if (_state == CursorState.On && _kind == EntryKind.Apart)
        {
            TakeApart(ValuePointer.Read(_hasValue ? _value.Span : _entries.ValueSpan));
        }

        return _state == CursorState.On;
    }

    // A value that is kept apart must be there for the cursor to stand on its record, unless only heads are wanted.
    private void TakeApart(in ValuePointer pointer)
    {
        _pointer = pointer;
        if (!_withValues)
        {
            return;
        }

        if (_snapshot.Values.TryGet(pointer, _key.AsSpan(0, _keyLength), out var value))
        {
            (_kind, _value, _hasValue) = (EntryKind.Put, value, true);
        }
        else
        {
            _missingValue = _snapshot.Values.Missing;
            _state = CursorState.Waiting;
        }
    }

    private CursorState FindNext()
    {
        while (_entries.State == CursorState.On)
        {
            var key = _entries.Key;
            if (_isWithinKey && IsCurrent(key))
            {
                PassOver(isSuccessor: true, ulong.MaxValue);
                continue;
            }

            _isWithinKey = false;
            if (!key.StartsWith(_prefix))
            {
                return CursorState.Nowhere;
            }

            if (_entries.Version > _snapshot.At)
            {
                PassOver(isSuccessor: false, _snapshot.At);
                continue;
            }

            Take(key);
            if (IsVisible())
            {
                return CursorState.On;
            }

            _entries.Next();
        }

        return _entries.State;
    }

    private void PassOver(bool isSuccessor, ulong version)
    {
        if (++_passed <= PassedMax)
        {
            _entries.Next();
            return;
        }

        _passed = 0;
        _entries.SeekAtOrAfter(Target(_entries.Key[_prefix.Length..], isSuccessor), version);
    }

    private CursorState FindPrevious()
    {
        while (true)
        {
            if (_entries.State is CursorState.Waiting or CursorState.Failed)
            {
                return _entries.State;
            }

            var isInside = _entries.State == CursorState.On && _entries.Key.StartsWith(_prefix);
            if (_isWithinKey && !(isInside && IsCurrent(_entries.Key)))
            {
                // All versions of the key are behind: the last one taken is the newest that is seen.
                _isWithinKey = false;
                if (IsVisible())
                {
                    return CursorState.On;
                }

                continue;
            }

            if (!isInside)
            {
                return CursorState.Nowhere;
            }

            // Of equal entries the one of the newest source comes first, on this way too: the others must not replace it.
            var isSame = _isWithinKey && _entries.Version == _version;
            if (_entries.Version <= _snapshot.At && !isSame)
            {
                Take(_entries.Key);
            }

            _entries.Previous();
        }
    }

    private bool IsCurrent(ReadOnlySpan<byte> key) => key.SequenceEqual(_key.AsSpan(0, _keyLength));

    private bool IsVisible() => _kind != EntryKind.Delete && _snapshot.Covering(_key.AsSpan(0, _keyLength)) <= _version;

    private void Take(ReadOnlySpan<byte> key)
    {
        if (_key.Length < key.Length)
        {
            _key = new byte[Math.Max(key.Length, _key.Length * 2)];
        }

        key.CopyTo(_key);
        _keyLength = key.Length;
        _keyCopy = null;
        _version = _entries.Version;
        _expiresAt = _entries.ExpiresAt;
        _kind = _entries.Kind;
        _hasValue = !_forward;
        _value = _forward ? default : _entries.Value;
        _isWithinKey = true;
    }

    // The successor is the key with a zero byte behind it.
    private ReadOnlySpan<byte> Target(ReadOnlySpan<byte> key, bool isSuccessor)
    {
        var length = TreeKey.Join(ref _target, _snapshot.Tree, _prefix.AsSpan(TableFormat.TreePrefixBytes), key);
        if (isSuccessor)
        {
            if (_target.Length == length)
            {
                Array.Resize(ref _target, length * 2);
            }

            _target[length++] = 0;
        }

        return _target.AsSpan(0, length);
    }
}
