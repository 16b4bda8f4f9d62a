using Atoll.Foundation;
using Atoll.Services.Directory;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Streams.Quotas;

/// <summary>Quotas as one document of the directory.</summary>
internal sealed class QuotasService(DirectoryCache directory, IDocumentStore documents) : IQuotas
{
    /// <summary>What the name of the directory's document begins with.</summary>
    internal const string DocumentPrefix = "quotas:";

    private const string Document = "clients";
    private const int AttemptsMax = 50;

    private volatile Snapshot _snapshot = new(DirectoryView.Empty, 0, ClientQuotas.Empty);

    /// <inheritdoc />
    public ClientQuotas Known
    {
        get
        {
            var view = directory.Cached;
            var snapshot = _snapshot;
            if (view is null || ReferenceEquals(view, snapshot.View))
            {
                return snapshot.Quotas;
            }

            // Who brought this view changed something else, mostly: quotas that are the same stay the same object.
            var document = view.Documents.FirstOrDefault(static document => document.Name == DocumentPrefix + Document);
            var version = document?.Version.Value ?? 0;
            var quotas = version == snapshot.Version ? snapshot.Quotas
                : document is null ? ClientQuotas.Empty : ClientQuotas.OfDocument(document.Value.Span);
            _snapshot = new Snapshot(view, version, quotas);
            return quotas;
        }
    }

    /// <inheritdoc />
    public async ValueTask<ClientQuotas> ReadAsync(CancellationToken cancellationToken) =>
        (await ReadDocumentAsync(cancellationToken).ConfigureAwait(false)).Quotas;

    /// <inheritdoc />
    public async ValueTask<ClientQuotas> ChangeAsync(Func<ClientQuotas, ClientQuotas> change, CancellationToken cancellationToken)
    {
        for (var attempt = 0; attempt < AttemptsMax; attempt++)
        {
            var (version, before) = await ReadDocumentAsync(cancellationToken).ConfigureAwait(false);
            var after = change(before);
            var document = after.ToDocument();
            if (after.Fault() is { } fault)
            {
                throw new InvalidRequestException(fault);
            }

            if (document.Length > Limits.DocumentBytesMax)
            {
                throw new InvalidRequestException($"all quotas together take at most {Limits.DocumentBytesMax} bytes");
            }

            if (await documents.TryWriteAsync(Document, version, document, cancellationToken).ConfigureAwait(false))
            {
                return after;
            }
        }

        throw new AtollException(ErrorCode.Overloaded, "the quotas are being changed by too many others: try again");
    }

    private async ValueTask<(ulong Version, ClientQuotas Quotas)> ReadDocumentAsync(CancellationToken cancellation) =>
        (await documents.ReadAsync(cancellation).ConfigureAwait(false)).FirstOrDefault(static stored => stored.Name == Document)
            is { } found ? (found.Version, ClientQuotas.OfDocument(found.Bytes.Span)) : (0, ClientQuotas.Empty);

    private sealed record Snapshot(DirectoryView View, ulong Version, ClientQuotas Quotas);
}
