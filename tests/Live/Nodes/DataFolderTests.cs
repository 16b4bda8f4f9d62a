using System.Diagnostics;
using Atoll.Foundation.Identity;
using Atoll.Live.Nodes;
using Xunit;

namespace Atoll.Live.Tests.Nodes;

public sealed class DataFolderTests
{
    private static readonly NodeIdentity Own = new(0xABC, new NodeId(2), 3, 0x1234);

    [Fact]
    public void A_new_folder_is_nobodys_and_then_for_ever_its_nodes()
    {
        using var temporary = new TemporaryFolder();
        using (var folder = DataFolder.Open(temporary["new/data"]))
        {
            Assert.Null(folder.Identity);
            folder.Claim(Own);
        }

        using var again = DataFolder.Open(temporary["new/data"]);
        Assert.Equal(Own, again.Identity);
        again.Claim(Own with { Incarnation = 99 });
        Assert.Equal(Own, again.Identity);
    }

    [Fact]
    public void A_folder_of_somebody_else_is_refused_with_the_difference()
    {
        using var temporary = new TemporaryFolder();
        using var folder = DataFolder.Open(temporary.Path);
        folder.Claim(Own);
        IsRefused(Own with { ClusterId = 0xABD }, "belongs to cluster 0000000000000abc, not 0000000000000abd");
        IsRefused(Own with { Node = new NodeId(3) }, "belongs to node 2, not 3");
        IsRefused(Own with { LoopCount = 1 }, "spread over 3 loops, not 1");

        void IsRefused(NodeIdentity identity, string why) =>
            Assert.Contains(why, Assert.Throws<DataFolderException>(() => folder.Claim(identity)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_locked_folder_names_the_process_that_has_it()
    {
        using var temporary = new TemporaryFolder();
        using var first = DataFolder.Open(temporary.Path);
        var message = Assert.Throws<DataFolderException>(() => DataFolder.Open(temporary.Path)).Message;
        Assert.Equal($"the data folder {temporary.Path} is in use by process {Environment.ProcessId}", message);
        first.Dispose();
        DataFolder.Open(temporary.Path).Dispose();
    }

    [Fact]
    public void A_folder_of_a_newer_version_is_refused()
    {
        using var temporary = new TemporaryFolder();
        File.WriteAllText(temporary["identity"], Own.Format(formatVersion: 2).Replace("incarnation", "essence", StringComparison.Ordinal));
        var message = Assert.Throws<DataFolderException>(() => DataFolder.Open(temporary.Path)).Message;
        Assert.Contains("newer version of Atoll (format 2; this version reads up to 1)", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_identity_is_never_guessed()
    {
        var good = Own.Format();
        for (var i = 0; i < good.Length; i++)
        {
            var damaged = good[..i] + (char)(good[i] ^ 1) + good[(i + 1)..];
            Assert.NotNull(NodeIdentity.TryParse(damaged, out _));
            Assert.NotNull(NodeIdentity.TryParse(good[..i], out _));
        }

        Assert.Null(NodeIdentity.TryParse(good, out var identity));
        Assert.Equal(Own, identity);
    }

    [Fact]
    public void Data_without_an_identity_is_nobodys_to_take()
    {
        using var temporary = new TemporaryFolder();
        Directory.CreateDirectory(temporary["loop-0"]);
        var message = Assert.Throws<DataFolderException>(() => DataFolder.Open(temporary.Path)).Message;
        Assert.Contains("holds data, but its file \"identity\" is missing", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_in_the_place_of_the_folder_is_said_to_be_so()
    {
        using var temporary = new TemporaryFolder();
        File.WriteAllText(temporary["data"], "");
        var message = Assert.Throws<DataFolderException>(() => DataFolder.Open(temporary["data"])).Message;
        Assert.Contains(temporary["data"], message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_lock_ends_with_the_process_that_held_it()
    {
        if (!OperatingSystem.IsLinux() || !File.Exists("/usr/bin/flock"))
        {
            return;
        }

        using var temporary = new TemporaryFolder();
        using var holder = Process.Start(new ProcessStartInfo("/usr/bin/flock", ["--no-fork", temporary["lock"], "cat"])
        {
            RedirectStandardInput = true,
        })!;
        Waiting.Until(() => IsLocked(temporary.Path));
        holder.Kill();
        holder.WaitForExit();
        DataFolder.Open(temporary.Path).Dispose();
    }

    private static bool IsLocked(string path)
    {
        try
        {
            DataFolder.Open(path).Dispose();
            return false;
        }
        catch (DataFolderException exception) when (exception.Message.Contains("is in use", StringComparison.Ordinal))
        {
            return true;
        }
    }
}
