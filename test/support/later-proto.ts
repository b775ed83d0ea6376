import {
  clone,
  create,
  createFileRegistry,
  type DescFile,
  type FileRegistry,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_struct,
  file_google_protobuf_wrappers,
  FieldDescriptorProto_Label as Label,
  OneofDescriptorProtoSchema,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import { file_budget_v1_budget_service } from "../../gen/es/budget/v1/budget_service_pb.ts";

const IMPORTS = [file_google_protobuf_struct, file_google_protobuf_wrappers];

/** The files of a later version of the proto: every message has more fields, and UpdateCost has another source. */
export function laterProto(): FileRegistry {
  const files = new Map<string, FileDescriptorProto>();
  const add = (file: DescFile): void => {
    for (const dependency of file.dependencies) add(dependency);
    files.set(file.proto.name, file.proto);
  };
  for (const file of [...IMPORTS, file_budget_v1_budget_service]) add(file);
  return createFileRegistry(create(FileDescriptorSetSchema, { file: [...files.values()].map(laterFile) }));
}

function laterFile(file: FileDescriptorProto): FileDescriptorProto {
  if (file.package !== "budget.v1") return file;
  const changed = clone(FileDescriptorProtoSchema, file);
  changed.dependency = [...new Set([...changed.dependency, ...IMPORTS.map(({ proto }) => proto.name)])];
  for (const message of changed.messageType) addFields(message);
  return changed;
}

function addFields(message: DescriptorProto): void {
  const add = (init: MessageInitShape<typeof FieldDescriptorProtoSchema>): void => {
    // At the front, because the place of a field in its file must not matter.
    message.field.unshift(create(FieldDescriptorProtoSchema, { label: Label.OPTIONAL, ...init }));
  };
  const source = message.oneofDecl.findIndex(({ name }) => name === "source");
  if (source >= 0) add({ name: "later_source", number: 1000, type: Type.STRING, oneofIndex: source });
  add({ name: "later_text", number: 1001, type: Type.STRING });
  add({ name: "later_count", number: 1002, type: Type.INT64 });
  add({ name: "later_bytes", number: 1003, type: Type.BYTES });
  add({ name: "later_list", number: 1004, type: Type.STRING, label: Label.REPEATED });
  const wrapper = ".google.protobuf.StringValue";
  add({ name: "later_wrapper", number: 1005, type: Type.MESSAGE, typeName: wrapper });
  add({ name: "later_value", number: 1006, type: Type.MESSAGE, typeName: ".google.protobuf.Value" });
  const oneofIndex = message.oneofDecl.push(create(OneofDescriptorProtoSchema, { name: "_later_flag" })) - 1;
  add({ name: "later_flag", number: 1007, type: Type.BOOL, proto3Optional: true, oneofIndex });
  const entry = `.budget.v1.${message.name}.LaterMapEntry`;
  add({ name: "later_map", number: 1008, type: Type.MESSAGE, label: Label.REPEATED, typeName: entry });
  message.nestedType.push(
    create(DescriptorProtoSchema, {
      name: "LaterMapEntry",
      options: { mapEntry: true },
      field: [
        { name: "key", number: 1, type: Type.STRING, label: Label.OPTIONAL },
        { name: "value", number: 2, type: Type.INT64, label: Label.OPTIONAL },
      ],
    }),
  );
}
