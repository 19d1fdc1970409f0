using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Commands;

/// <summary>Files that appear whole or not at all: written beside their place, moved when everything is done.</summary>
internal sealed class BacktestOutput : IDisposable
{
    private readonly List<(string Partial, string Final)> _files = [];
    private readonly string _directory;
    private readonly bool _isNew;

    /// <exception cref="LabException">The folder's name is that of a file.</exception>
    public BacktestOutput(string directory)
    {
        Check(directory);
        _directory = directory;
        _isNew = !Directory.Exists(directory);
    }

    /// <summary>Asked before anything is read or said.</summary>
    /// <exception cref="LabException">The folder's name is that of a file.</exception>
    public static void Check(string? directory)
    {
        if (File.Exists(directory))
        {
            throw new LabException($"--out: {directory} is a file, not a folder");
        }
    }

    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web) { WriteIndented = true, Converters = { new FiniteDouble(), new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) } };

    /// <summary>Opens a file for writing; dispose the writer before <see cref="Commit"/>.</summary>
    public StreamWriter Create(string name)
    {
        Directory.CreateDirectory(_directory);
        var final = Path.Combine(_directory, name);
        _files.Add((final + ".partial", final));
        return new StreamWriter(final + ".partial") { NewLine = "\n" };
    }

    public void Write(string name, string text)
    {
        using var writer = Create(name);
        writer.Write(text);
    }

    public void Commit()
    {
        foreach (var (partial, final) in _files)
        {
            File.Move(partial, final, overwrite: true);
        }

        _files.Clear();
    }

    /// <summary>Removes what was not committed, and the folder if nothing else is in it that was not there before.</summary>
    public void Dispose()
    {
        foreach (var (partial, _) in _files)
        {
            File.Delete(partial);
        }

        if (_isNew && Directory.Exists(_directory) && !Directory.EnumerateFileSystemEntries(_directory).Any())
        {
            Directory.Delete(_directory);
        }
    }

    public static string Number(double value) => double.IsNaN(value) ? string.Empty : value.ToString("0.######", CultureInfo.InvariantCulture);

    /// <summary>JSON has no NaN and no infinity: they are null.</summary>
    private sealed class FiniteDouble : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.Null ? double.NaN : reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (double.IsFinite(value))
            {
                writer.WriteNumberValue(Math.Round(value, 9));
            }
            else
            {
                writer.WriteNullValue();
            }
        }
    }
}
