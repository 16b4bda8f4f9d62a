using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Snapshots;

/// <summary>
/// The loads of a snapshot's source, of which there is one at a time. A source that is disposed of meanwhile lets go of its cursors when
/// the load has ended: the blocks come to them until then.
/// </summary>
/// <param name="release">Lets go of the source's cursors and sections; called once.</param>
internal sealed class CursorLoad(Action release) : IDisposable
{
    private bool _isLoading;
    private bool _isDisposed;

    /// <summary>Loads what the cursor waits for.</summary>
    /// <param name="cursor">Null: there is nothing to load.</param>
    /// <param name="ready">Called when the source can go on, at once if there is nothing to wait for.</param>
    internal void Load(ISortedCursor? cursor, Action ready)
    {
        _isLoading = true;
        if (cursor?.Load(Loaded) != false)
        {
            Loaded();
        }

        void Loaded()
        {
            _isLoading = false;
            if (_isDisposed)
            {
                release();
            }

            ready();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        if (!_isLoading)
        {
            release();
        }
    }
}
