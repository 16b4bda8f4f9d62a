using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Wire;
using Atoll.Kernel.Eventual;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Requests;
using Atoll.StateMachines.Rows;
using Atoll.Storage.Sorted;

namespace Atoll.Benchmarks;

/// <summary>A part of what a write must cost at the least.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Microseconds">Its processor time, over all nodes and the client.</param>
public sealed record FloorPart(string Name, double Microseconds);

/// <summary>
/// What a write to three replicas of an eventual table must cost this machine's processors at the least: each thing that cannot be left
/// out, done by Atoll's own code again and again on one thread, with nothing around it: no queues, other threads or clients' sessions, no
/// hints, no merges, warm caches. What travels or is synced together is so in batches, as under load.
/// </summary>
internal sealed class CqlFloor
{
    private const int Replicas = 3;
    private const int Keys = 20_000;
    private const int Rounds = 256;
    private const int AnswerBytes = 32;

    private readonly TimeSpan _forEach;
    private readonly int _batch;
    private readonly string _folder;
    private readonly ExecuteRequest[] _requests;
    private readonly byte[][] _frames;
    private readonly RowsMutation[] _mutations;
    private readonly ReadOnlyMemory<byte>[] _versions;
    private readonly byte[][] _commands;
    private readonly WireWriter _writer = new(64 * 1024);
    private ulong _stamp = HybridTime.FromUnixMilliseconds(1_000_000).Value;
    private ulong _checksum;

    /// <summary>Prepares it.</summary>
    /// <param name="valueBytes">Bytes of a row.</param>
    /// <param name="batch">Writes that travel, or are synced, together.</param>
    /// <param name="folder">Where logs are written; on the disk that nodes would use.</param>
    /// <param name="forEach">How long each part is repeated.</param>
    public CqlFloor(int valueBytes, int batch, string folder, TimeSpan forEach)
    {
        (_batch, _folder, _forEach) = (batch, folder, forEach);
        var random = new Random(1);
        var value = new byte[valueBytes];
        random.NextBytes(value);
        var id = new byte[16];
        _requests = new ExecuteRequest[Rounds];
        _frames = new byte[Rounds][];
        _mutations = new RowsMutation[Rounds];
        _versions = new ReadOnlyMemory<byte>[Rounds];
        _commands = new byte[Rounds][];
        for (var i = 0; i < Rounds; i++)
        {
            var key = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64BigEndian(key, random.Next(Keys));
            var options = StatementOptions.Default with
            {
                Consistency = CqlConsistency.Quorum, Values = [CqlValue.Of(key), CqlValue.Of(value)],
            };
            _requests[i] = new ExecuteRequest(id, default, options, SkipMetadata: true);
            _frames[i] = Written(writer => RequestEncoder.Write(writer, CqlVersion.V4, (short)i, _requests[i]));
            _mutations[i] = new RowsMutation(
                [
                    new PartitionMutation(
                        Murmur3Token.Of(key), key, [RowOperation.Upsert(default, [CellWrite.Put(1, value)], writesMarker: true)]),
                ],
                []);
        }
    }

    /// <summary>Measures each part.</summary>
    public IReadOnlyList<FloorPart> Measure()
    {
        var parts = new List<FloorPart>
        {
            new("the client writes the request and reads the answer", Repeat(Client)),
            new("the coordinator reads the request and writes the answer", Repeat(Coordinator)),
            new("the statement becomes a command, and that a version", Repeat(Version)),
            new("messages to two replicas and back, with checksums", Repeat(Messages)),
        };
        for (var i = 0; i < Rounds; i++)
        {
            Version(i);
            var version = _versions[i];
            _commands[i] = Written(writer => EventualCommand.Write(writer, new EventualChange { Version = version }));
        }

        parts.Add(new FloorPart($"sockets: three hops and three answers, {_batch} at once", Sockets()));
        parts.Add(new FloorPart($"three logs: checksum, write and sync, {_batch} at once", Logs()));
        parts.Add(new FloorPart("three replicas look the row up, merge, hash and insert it", Machines()));
        GC.KeepAlive(_checksum);
        return parts;
    }

    private static byte[] Written(Action<WireWriter> write)
    {
        var writer = new WireWriter();
        write(writer);
        return writer.ToArray();
    }

    // The best of three: what disturbs only adds to it.
    private double Repeat(Action<int> one, int writesEach = 1)
    {
        var best = double.MaxValue;
        for (var run = 0; run < 4; run++)
        {
            var (startedAt, before, rounds) = (Stopwatch.GetTimestamp(), ThreadTime(), 0L);
            while (Stopwatch.GetElapsedTime(startedAt) < _forEach)
            {
                for (var i = 0; i < Rounds; i++)
                {
                    one(i);
                }

                rounds += Rounds;
            }

            var used = (ThreadTime() - before).TotalMicroseconds / (rounds * writesEach);
            best = run == 0 ? best : Math.Min(best, used); // the first one is for the compiler
        }

        return best;
    }

    // Of the process: collecting what the part leaves behind belongs to it, and nothing else runs.
    private static TimeSpan ThreadTime() => Environment.CpuUsage.TotalTime;

    private void Client(int i)
    {
        _writer.Reset();
        RequestEncoder.Write(_writer, CqlVersion.V4, (short)i, _requests[i]);
        var start = _writer.Length;
        ResponseEncoder.Write(_writer, CqlVersion.V4, (short)i, new VoidResponse());
        var input = new ReadOnlySequence<byte>(_writer.WrittenMemory[start..]);
        var reader = new CqlFrameReader(CqlProtocol.BodyBytesMax, isServer: false);
        _checksum += (ulong)reader.TryRead(ref input, out _);
    }

    private void Coordinator(int i)
    {
        var input = new ReadOnlySequence<byte>(_frames[i]);
        var reader = new CqlFrameReader(CqlProtocol.BodyBytesMax, isServer: true);
        _checksum += reader.TryRead(ref input, out var frame) == CqlReadStatus.Frame
            && RequestDecoder.TryDecode(frame, out var request, out _) ? (ulong)request.Opcode : 0;
        _writer.Reset();
        ResponseEncoder.Write(_writer, CqlVersion.V4, (short)i, new VoidResponse());
    }

    private void Version(int i)
    {
        _writer.Reset();
        RowsCommand.WriteMutate(_writer, _mutations[i]);
        var isRead = RowsCommand.TryReadMutate(_writer.ToArray(), out var mutation);
        var stamp = new HybridTime(_stamp += 1 << 16);
        _writer.Reset();
        _versions[i] = isRead
            ? RowsVersion.OfMutation(mutation.Partitions, stamp.UnixMilliseconds * 1000, stamp, new NodeId(1), _writer) : default;
    }

    private void Messages(int i)
    {
        var write = new EventualMessage
        {
            Kind = EventualMessageKind.Write, Operation = (ulong)i, Range = 7, Stamp = new HybridTime(_stamp),
            Payload = _frames[i], // as long as the version is
        };
        for (var replica = 1; replica < Replicas; replica++)
        {
            Pass(write);
            Pass(write.Answer(EventualMessageKind.Written));
        }
    }

    private void Pass(in EventualMessage message)
    {
        _writer.Reset();
        EventualMessageCodec.Write(_writer, message);
        var sent = Crc32C.Compute(_writer.Written);
        var received = _writer.ToArray();
        _checksum += Crc32C.Compute(received) == sent && EventualMessageCodec.TryRead(received, out var read) ? read.Operation : 0;
    }

    private double Sockets()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var near = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        near.Connect(listener.LocalEndPoint!);
        using var far = listener.Accept();
        far.NoDelay = true;
        var request = new byte[_frames[0].Length * _batch];
        var answer = new byte[AnswerBytes * _batch];
        return Repeat(
            _ =>
            {
                for (var hop = 0; hop < Replicas; hop++)
                {
                    Send(near, far, request);
                    Send(far, near, answer);
                }
            },
            _batch);
    }

    private static void Send(Socket from, Socket to, byte[] bytes)
    {
        from.Send(bytes);
        for (var have = 0; have < bytes.Length;)
        {
            have += to.Receive(bytes.AsSpan(have));
        }
    }

    private double Logs()
    {
        var path = Path.Combine(_folder, $"floor-{Environment.ProcessId}");
        const long fileBytes = 64L << 20;
        using var file = File.OpenHandle(
            path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose, preallocationSize: fileBytes);
        var zeros = new byte[1 << 20];
        for (var at = 0L; at < fileBytes; at += zeros.Length)
        {
            RandomAccess.Write(file, zeros, at);
        }

        var batch = new byte[(_commands[0].Length + CommandEnvelope.HeaderBytesMax + 32) * _batch];
        var offset = 0L;
        return Repeat(
            round =>
            {
                for (var replica = 0; replica < Replicas; replica++)
                {
                    var length = 0;
                    for (var i = 0; i < _batch; i++)
                    {
                        var payload = CommandEnvelope.Encode(
                            new HybridTime(_stamp), RequestIdentity.None, _commands[(round + i) % Rounds], _writer);
                        payload.CopyTo(batch, length);
                        length += payload.Length;
                    }

                    _checksum += Crc32C.Compute(batch.AsSpan(0, length));
                    RandomAccess.Write(file, batch, offset);
                    RandomAccess.FlushToDisk(file);
                    offset = (offset + batch.Length) % (fileBytes - batch.Length);
                }
            },
            _batch);
    }

    private double Machines()
    {
        var machine = new EventualRowsStateMachine(
            new InMemoryStateTree(), ulong.MinValue, ulong.MaxValue, new SyncOptions().TreeDepth);
        var index = 0UL;

        // The versions are new each time, or nothing would change: what making them costs is taken off again.
        void Make(int i)
        {
            Version(i);
            _writer.Reset();
            EventualCommand.Write(_writer, new EventualChange { Version = _versions[i] });
            _commands[i] = _writer.ToArray();
        }

        var making = Repeat(Make);
        var both = Repeat(i =>
        {
            Make(i);
            _writer.Reset();
            machine.Apply(new CommandContext(new HybridTime(_stamp), new LogIndex(++index)), _commands[i], _writer);
        });
        return Math.Max(0, both - making) * Replicas;
    }
}
