package export

import (
	"io"
	"reflect"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// groupBytes is at how many bytes of records a row group ends, which is held in
// memory until then.
const groupBytes = 32 << 20

// A parquetWriter writes Parquet.
type parquetWriter struct {
	w       *parquet.GenericWriter[any]
	columns []column
	row     reflect.Value // a struct with a field a column
	one     [1]any        // which points to it
	bytes   int           // of records in the row group
}

func newParquet(w io.Writer, columns []column) *parquetWriter {
	// The library orders the columns of a schema that is put together by name,
	// and those of a struct as they are: so there is a struct.
	fields := make([]reflect.StructField, len(columns))
	options := []parquet.WriterOption{
		parquet.Compression(&zstd.Codec{}),
		// Version 1 is read by everything; 2 is not.
		parquet.DataPageVersion(1),
		parquet.DataPageStatistics(false),
		parquet.DictionaryMaxBytes(1 << 20),
		parquet.SkipPageBounds("headers", "list", "element", "name"),
		parquet.SkipPageBounds("headers", "list", "element", "value"),
	}
	for i, c := range columns {
		fields[i] = reflect.StructField{
			Name: strings.ToUpper(c.name), Type: c.goType(),
			Tag: reflect.StructTag(`parquet:"` + strings.TrimSuffix(c.name+","+c.tag, ",") + `"`),
		}
		if !c.bounds {
			options = append(options, parquet.SkipPageBounds(c.name))
		}
	}
	p := &parquetWriter{columns: columns, row: reflect.New(reflect.StructOf(fields)).Elem()}
	schema := parquet.NewSchema("record", parquet.SchemaOf(p.row.Interface()))
	p.w = parquet.NewGenericWriter[any](w, append(options, schema)...)
	return p
}

func (p *parquetWriter) write(r *record) error {
	for i, c := range p.columns {
		p.row.Field(i).Set(reflect.ValueOf(c.value(r)))
	}
	p.one[0] = p.row.Addr().Interface()
	if _, err := p.w.Write(p.one[:]); err != nil {
		return err
	}
	if p.bytes += r.size(); p.bytes < groupBytes {
		return nil
	}
	p.bytes = 0
	return p.w.Flush()
}

func (p *parquetWriter) close() error { return p.w.Close() }
