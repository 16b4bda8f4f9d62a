namespace Atoll.Backups;

/// <summary>A backup is not what it should be, or cannot be made or restored as asked; the message names what and where.</summary>
public sealed class BackupException : Exception
{
    /// <summary>An error in words for people.</summary>
    public BackupException(string message) : base(message)
    {
    }

    /// <summary>An error with its cause.</summary>
    public BackupException(string message, Exception innerException) : base(message, innerException)
    {
    }

    /// <summary>An error without words.</summary>
    public BackupException() : this("the backup is not what it should be")
    {
    }
}
