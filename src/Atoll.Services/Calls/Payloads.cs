using Atoll.Foundation.Bytes;

namespace Atoll.Services.Calls;

/// <summary>Builds payloads in a buffer that each thread keeps; the result is an array of exactly the needed size.</summary>
internal static class Payloads
{
    private const int KeptBytesMax = 1024 * 1024;

    [ThreadStatic]
    private static WireWriter? scratch;

    /// <summary>The thread's writer, empty. End with <see cref="Take"/> before anything else may run on the thread.</summary>
    public static WireWriter Begin()
    {
        scratch ??= new WireWriter(1024);
        scratch.Reset();
        return scratch;
    }

    /// <summary>What was written, as the payload's own array.</summary>
    public static byte[] Take(WireWriter writer)
    {
        var payload = writer.ToArray();
        if (payload.Length > KeptBytesMax)
        {
            scratch = null; // one large value must not keep its size of memory for ever
        }

        return payload;
    }
}
